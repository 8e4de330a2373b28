#include "core/json/merge_patch.h"

namespace asya::json {

// Recursion is bounded by the parser's depth limit.
void MergePatch(Value& target, const Value& patch) {  // NOLINT(misc-no-recursion): see above
  if (!patch.IsObject()) {
    target = patch;
    return;
  }
  if (!target.IsObject()) target = Object{};
  for (const auto& [key, change] : patch.AsObject()) {
    if (change.IsNull()) {
      target.AsObject().erase(key);
    } else {
      MergePatch(target[key], change);
    }
  }
}

}  // namespace asya::json
