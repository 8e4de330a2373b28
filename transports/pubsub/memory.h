// Memory: what this process knows of messages whose leases it lost with a connection, when they come again.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "core/base/clock.h"

namespace asya::transports::pubsub {

constexpr std::size_t kRemembered = 4096;  // messages; the oldest are forgotten first

// Known by the ids that Pub/Sub gives, which stay the same each time a message comes.
class Memory {
 public:
  struct Known {
    bool settled = false;      // done: it only has to be acknowledged again
    std::int64_t crashes = 0;  // else how many it had when it came; a broken connection is no crash
  };

  void Settled(const std::string& message_id) { Keep(message_id, {true, 0}); }
  void LostLease(const std::string& message_id, std::int64_t crashes) { Keep(message_id, {false, crashes}); }
  [[nodiscard]] std::optional<Known> Recall(const std::string& message_id) const {
    const auto found = known_.find(message_id);
    return found == known_.end() ? std::nullopt : std::optional<Known>(found->second);
  }
  void Forget() {
    known_.clear();
    order_.clear();
  }

 private:
  void Keep(const std::string& message_id, Known known) {
    if (!known_.insert_or_assign(message_id, known).second) return;
    order_.push_back(message_id);
    if (order_.size() <= kRemembered) return;
    known_.erase(order_.front());
    order_.pop_front();
  }

  std::unordered_map<std::string, Known> known_;
  std::deque<std::string> order_;
};

}  // namespace asya::transports::pubsub
