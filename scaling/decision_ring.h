// DecisionRing: the last decisions of each actor, oldest forgotten first.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "ports/decisions.h"

namespace asya::scaling {

inline constexpr std::size_t kDecisionsPerActor = 64;

// Thread safe.
class DecisionRing final : public ports::DecisionLog {
 public:
  void Add(ports::Decision decision);
  void Forget(const std::string& namespace_, const std::string& actor);
  [[nodiscard]] std::vector<ports::Decision> Last(const std::string& namespace_, const std::string& actor,
                                                  std::int64_t limit) const override;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::deque<ports::Decision>> rings_;
};

}  // namespace asya::scaling
