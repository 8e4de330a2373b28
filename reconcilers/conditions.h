// Conditions: the list of conditions of an object's status, by the Kubernetes conventions.
#pragma once

#include <optional>
#include <string>

#include "core/base/clock.h"
#include "core/json/value.h"

namespace asya::reconcilers {

enum class Truth { kTrue, kFalse, kUnknown };

struct Condition {
  std::string type;
  Truth truth = Truth::kUnknown;
  std::string reason;   // one word in upper camel case
  std::string message;  // for a person: what is wrong and what to do
};

// Builds the list of conditions of a new status; `before` is the status until now (may be null), whose transition
// times stay where a condition keeps its truth.
class Conditions {
 public:
  Conditions(const json::Value* before, std::int64_t generation, WallTime now)
      : before_(before), generation_(generation), now_(now) {}
  void Add(const Condition& condition);
  [[nodiscard]] json::Array Take() { return std::move(list_); }

 private:
  const json::Value* before_;
  std::int64_t generation_;
  WallTime now_;
  json::Array list_;
};

}  // namespace asya::reconcilers
