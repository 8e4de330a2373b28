// Prepare: turns what a client sent into the object to be stored: metadata that the server owns, pruning, generation,
// validation, admission.
#pragma once

#include "apiserver/call.h"
#include "apiserver/options.h"

namespace asya::apiserver {

// Which part of an object a write may change.
enum class Part { kSpec, kStatus };

// The new object with uid, creationTimestamp, generation and, where the kind has one, a status that says "not seen
// yet".
Outcome<json::Value> PrepareCreate(const Context& context, Call& call, const WriteOptions& options, json::Value object);

// The object after the write. `old` is the stored object without resourceVersion; so is the result.
Outcome<json::Value> PrepareUpdate(const Context& context, Call& call, const WriteOptions& options,
                                   const json::Value& old, json::Value object, Part part);

}  // namespace asya::apiserver
