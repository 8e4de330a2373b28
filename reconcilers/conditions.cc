#include "reconcilers/conditions.h"

namespace asya::reconcilers {
namespace {

const char* TruthText(Truth truth) {
  switch (truth) {
    case Truth::kTrue:
      return "True";
    case Truth::kFalse:
      return "False";
    case Truth::kUnknown:
      return "Unknown";
  }
  return "Unknown";
}

}  // namespace

void Conditions::Add(const Condition& condition) {
  json::Value entry;
  entry["type"] = condition.type;
  entry["status"] = TruthText(condition.truth);
  entry["reason"] = condition.reason;
  entry["message"] = condition.message;
  entry["observedGeneration"] = generation_;
  entry["lastTransitionTime"] = FormatRfc3339(now_);
  const json::Value* list = before_ == nullptr ? nullptr : before_->Find("conditions");
  if (list != nullptr && list->IsArray()) {
    for (const auto& old : list->AsArray()) {
      if (old.GetString("type") != condition.type || old.GetString("status") != TruthText(condition.truth)) continue;
      if (const auto since = old.GetString("lastTransitionTime")) entry["lastTransitionTime"] = *since;
    }
  }
  list_.push_back(std::move(entry));
}

}  // namespace asya::reconcilers
