// Memory: what a consumer knows of messages that SQS may hand over again though this process has not died.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>

namespace asya::transports::sqs {

// SQS counts every receipt. What this process had leased and lost is not suspect for that, and what it had settled is
// done though SQS brings it again: a delete that came late, or was lost.
class Memory {
 public:
  static constexpr std::size_t kRememberedMax = 8192;  // messages; the oldest is forgotten first

  void Settled(const std::string& sqs_id) { Put(sqs_id, {true, 0, 0}); }
  // A lease that ended unsettled: at its receipt SQS had counted `receive_count`, which we took for `crashes`.
  void LostLease(const std::string& sqs_id, std::int64_t receive_count, std::int64_t crashes) {
    Put(sqs_id, {false, receive_count, crashes});
  }
  void Forget() {
    known_.clear();
    order_.clear();
  }
  struct Recalled {
    bool settled = false;
    std::int64_t receive_count = 0;
    std::int64_t crashes = 0;
  };
  [[nodiscard]] std::optional<Recalled> Recall(const std::string& sqs_id) const {
    const auto found = known_.find(sqs_id);
    return found == known_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  void Put(const std::string& sqs_id, Recalled recalled) {
    if (sqs_id.empty()) return;
    if (known_.insert_or_assign(sqs_id, recalled).second) order_.push_back(sqs_id);
    if (order_.size() <= kRememberedMax) return;
    known_.erase(order_.front());
    order_.pop_front();
  }
  std::unordered_map<std::string, Recalled> known_;
  std::deque<std::string> order_;
};

}  // namespace asya::transports::sqs
