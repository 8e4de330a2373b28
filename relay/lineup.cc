#include "relay/lineup.h"

#include <algorithm>
#include <utility>

namespace asya::relay {

void Lineup::Remove(JobNumber job) {
  for (auto* queue : {&waiting_, &suspects_})
    queue->erase(std::remove(queue->begin(), queue->end(), job), queue->end());
  Ended(job);
}

std::optional<JobNumber> Lineup::Next(std::size_t busy, std::size_t limit) {
  if (alone_) return std::nullopt;
  if (!suspects_.empty()) {
    if (busy > 0) return std::nullopt;
    alone_ = suspects_.front();
    suspects_.pop_front();
    return alone_;
  }
  if (waiting_.empty() || busy >= limit) return std::nullopt;
  const JobNumber next = waiting_.front();
  waiting_.pop_front();
  return next;
}

void Lineup::Ended(JobNumber job) {
  if (alone_ == job) alone_.reset();
}

std::deque<JobNumber> Lineup::Clear(bool with_suspects) {
  std::deque<JobNumber> all = std::move(waiting_);
  waiting_.clear();
  if (with_suspects) {
    all.insert(all.end(), suspects_.begin(), suspects_.end());
    suspects_.clear();
  }
  return all;
}

}  // namespace asya::relay
