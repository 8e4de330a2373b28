// Create: stores a new object, under a generated name where it has none.
#pragma once

#include "apiserver/call.h"
#include "apiserver/options.h"
#include "apiserver/ownership.h"

namespace asya::apiserver {

// `object` matches the URL of the call. 201; 409 AlreadyExists.
Outcome<http::Response> CreateFrom(const Context& context, Call& call, const WriteOptions& options, json::Value object,
                                   Ownership ownership);

}  // namespace asya::apiserver
