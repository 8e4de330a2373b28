// ShortMemory: answers that are believed for a while, so that the same question is not asked again at once.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

#include "core/base/clock.h"
#include "core/base/sha256.h"

namespace asya::apiserver {

// Thread safe. Keeps digests of questions, never what stood in them.
template <class Answer>
class ShortMemory {
 public:
  // `entries_max`: the oldest is forgotten for one above it. `clock` lives longer.
  ShortMemory(const Clock& clock, std::chrono::milliseconds age_max, std::size_t entries_max)
      : clock_(clock), age_max_(age_max), entries_max_(entries_max) {}

  [[nodiscard]] std::optional<Answer> Recall(std::string_view question) const {
    const Sha256Digest digest = Sha256(question);
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(digest);
    if (found == entries_.end() || clock_.Steady() >= found->second.until) return std::nullopt;
    return found->second.answer;
  }
  void Keep(std::string_view question, Answer answer) {
    const Sha256Digest digest = Sha256(question);
    const SteadyTime now = clock_.Steady();
    const std::lock_guard lock(mutex_);
    while (!order_.empty() && (order_.size() >= entries_max_ || order_.front().first <= now)) Forget();
    const SteadyTime until = now + age_max_;
    entries_.insert_or_assign(digest, Entry{std::move(answer), until});
    order_.emplace_back(until, digest);
  }
  [[nodiscard]] std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
  }

 private:
  struct Entry {
    Answer answer;
    SteadyTime until;
  };
  // The oldest; an answer that was given again since stays.
  void Forget() {
    const auto [until, digest] = order_.front();
    order_.pop_front();
    const auto found = entries_.find(digest);
    if (found != entries_.end() && found->second.until == until) entries_.erase(found);
  }

  const Clock& clock_;
  const std::chrono::milliseconds age_max_;
  const std::size_t entries_max_;
  mutable std::mutex mutex_;
  std::map<Sha256Digest, Entry> entries_;
  std::deque<std::pair<SteadyTime, Sha256Digest>> order_;  // as they were kept
};

}  // namespace asya::apiserver
