// Decisions: the record of what the scaler decided for each actor, with the inputs it saw; read by `asya why`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/clock.h"

namespace asya::ports {

struct Decision {
  std::string namespace_;
  std::string actor;
  WallTime at{};
  std::int64_t from_replicas = 0;
  std::int64_t to_replicas = 0;
  std::string reason;        // one sentence for a person
  std::string inputs_json;   // the signals and the policy as numbers
};

class DecisionLog {
 public:
  virtual ~DecisionLog() = default;
  // The last decisions that changed the count or its reason, newest first, at most `limit`.
  [[nodiscard]] virtual std::vector<Decision> Last(const std::string& namespace_, const std::string& actor,
                                                   std::int64_t limit) const = 0;
};

}  // namespace asya::ports
