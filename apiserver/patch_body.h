// PatchBody: a patch of one of the two supported kinds, decoded once and applied as often as a race asks for.
#pragma once

#include <variant>
#include <vector>

#include "apiserver/call.h"
#include "core/json/json_patch.h"

namespace asya::apiserver {

class PatchBody {
 public:
  // By Content-Type: application/json-patch+json or application/merge-patch+json (an apply is no PatchBody); 415 for
  // others, 400 for a bad body.
  static Outcome<PatchBody> Decode(const Call& call);
  // 422 when an operation fails or the result is no object.
  [[nodiscard]] Outcome<json::Value> Apply(const Call& call, json::Value target) const;
  // Fields that a merge patch repeats.
  [[nodiscard]] const std::vector<std::string>& duplicates() const { return duplicates_; }

 private:
  std::variant<json::Value, std::vector<json::PatchOperation>> patch_;
  std::vector<std::string> duplicates_;
};

}  // namespace asya::apiserver
