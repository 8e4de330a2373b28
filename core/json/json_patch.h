// JsonPatch: JSON Patch (RFC 6902): an ordered list of operations, all or none.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/json/pointer.h"
#include "core/json/value.h"

namespace asya::json {

struct PatchOperation {
  enum class Kind { kAdd, kRemove, kReplace, kMove, kCopy, kTest };
  Kind kind = Kind::kTest;
  Pointer path;
  Pointer from;  // kMove and kCopy
  Value value;   // kAdd, kReplace and kTest
};

inline constexpr std::size_t kPatchOperationsLimit = 10'000;
// Copied or moved: copies of copies would double without end, and each move walks over what it moves.
inline constexpr std::size_t kPatchCopiedBytesLimit = 3U << 20U;
inline constexpr std::size_t kPatchDepthLimit = 128;  // nested arrays and objects of the result, unless told otherwise

// kInvalid for what is no patch, kTooLarge above kPatchOperationsLimit; the message names the operation.
Result<std::vector<PatchOperation>> ParseJsonPatch(const Value& document);

// The patched value. kInvalid when an operation fails (a `test` that does not hold, a path that does not exist, a place
// deeper than the limit); kTooLarge for one that copies too much.
Result<Value> ApplyJsonPatch(Value target, const std::vector<PatchOperation>& operations,
                             std::size_t depth_limit = kPatchDepthLimit);

}  // namespace asya::json
