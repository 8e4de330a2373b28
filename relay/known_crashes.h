// KnownCrashes: crashes of messages whose lease was lost, for when they come again.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>

namespace asya::relay {

// A transport may not have heard of a death, or takes the messages that are kept over a lost connection for healthy.
class KnownCrashes {
 public:
  static constexpr std::size_t kKnownMax = 1024;  // messages; the oldest is forgotten first

  void Keep(const std::string& key, std::int64_t crashes) {
    const auto [found, is_new] = known_.try_emplace(key, crashes);
    found->second = std::max(found->second, crashes);
    if (is_new) order_.push_back(key);
    if (order_.size() <= kKnownMax) return;
    known_.erase(order_.front());
    order_.pop_front();
  }
  [[nodiscard]] bool empty() const { return known_.empty(); }
  // 0 if none are known. They are forgotten here.
  std::int64_t Take(const std::string& key) {
    const auto found = known_.find(key);
    if (found == known_.end()) return 0;
    const std::int64_t crashes = found->second;
    known_.erase(found);
    order_.erase(std::find(order_.begin(), order_.end(), key));
    return crashes;
  }

 private:
  std::unordered_map<std::string, std::int64_t> known_;
  std::deque<std::string> order_;
};

}  // namespace asya::relay
