// Prepare: turns what a client sent into the object to be stored: metadata that the server owns, pruning, generation,
// validation, admission.
#pragma once

#include "apiserver/call.h"
#include "apiserver/options.h"
#include "apiserver/ownership.h"

namespace asya::apiserver {

// Which part of an object a write may change.
enum class Part { kSpec, kStatus };

// `object` may carry managedFields: what a client sent or, where they are decided, those to be stored.
//
// The new object with uid, creationTimestamp, generation and, where the kind has one, a status that says "not seen
// yet".
Outcome<json::Value> PrepareCreate(const Context& context, Call& call, const WriteOptions& options, json::Value object,
                                   Ownership ownership);

// The object after the write. `old` is the stored object without resourceVersion; so is the result, which equals it
// when nothing but the time of a manager would change.
Outcome<json::Value> PrepareUpdate(const Context& context, Call& call, const WriteOptions& options,
                                   const json::Value& old, json::Value object, Part part, Ownership ownership);

}  // namespace asya::apiserver
