#include "reconcilers/work_queue.h"

#include <algorithm>
#include <utility>

namespace asya::reconcilers {
namespace {

// Beyond it the pause has long reached its limit.
constexpr int kFailuresCounted = 20;
constexpr std::chrono::hours kLongestSleep{1};

}  // namespace

WorkQueue::WorkQueue(const Clock& clock, Random& random, const WorkQueueSettings& settings, WorkQueueMetrics metrics)
    : clock_(clock), random_(random), settings_(settings), metrics_(std::move(metrics)) {}

bool WorkQueue::AddLocked(const Key& key) {
  if (waiting_.count(key) > 0) return true;
  if (waiting_.size() + delayed_.size() >= settings_.keys_limit) {
    metrics_.Refused();
    return false;
  }
  waiting_.emplace(key, clock_.Steady());
  metrics_.Added();
  metrics_.Depth(waiting_.size());
  if (in_hand_.count(key) == 0) ready_.push_back(key);
  return true;
}

bool WorkQueue::Add(const Key& key) {
  {
    const std::lock_guard lock(mutex_);
    if (!AddLocked(key)) return false;
  }
  changed_.notify_one();
  return true;
}

bool WorkQueue::AddAfter(const Key& key, std::chrono::microseconds delay) {
  {
    const std::lock_guard lock(mutex_);
    const SteadyTime at = clock_.Steady() + delay;
    const auto found = delayed_.find(key);
    if (found != delayed_.end()) {
      if (found->second <= at) return true;
      by_time_.erase({found->second, key});
      delayed_.erase(found);
    }
    if (waiting_.size() + delayed_.size() >= settings_.keys_limit) {
      metrics_.Refused();
      return false;
    }
    delayed_[key] = at;
    by_time_.insert({at, key});
  }
  changed_.notify_one();
  return true;
}

bool WorkQueue::Retry(const Key& key) {
  int failures = 0;
  {
    const std::lock_guard lock(mutex_);
    failures = failures_[key]++;
    metrics_.Failing(failures_.size());
  }
  metrics_.Retried();
  const auto doubled = settings_.first_retry * (std::int64_t{1} << std::min(failures, kFailuresCounted));
  const auto pause = std::min<std::chrono::microseconds>(doubled, settings_.longest_retry);
  return AddAfter(key, std::chrono::microseconds(random_.Between(pause.count() / 2, pause.count())));
}

void WorkQueue::Forget(const Key& key) {
  const std::lock_guard lock(mutex_);
  failures_.erase(key);
  metrics_.Failing(failures_.size());
}

void WorkQueue::MoveDue() {
  const SteadyTime now = clock_.Steady();
  while (!by_time_.empty() && by_time_.begin()->first <= now) {
    const Key key = by_time_.begin()->second;
    by_time_.erase(by_time_.begin());
    delayed_.erase(key);
    AddLocked(key);
  }
}

std::optional<Key> WorkQueue::TakeLocked() {
  MoveDue();
  if (ready_.empty() || stopped_) return std::nullopt;
  Key key = std::move(ready_.front());
  ready_.pop_front();
  const auto waited = waiting_.find(key);
  metrics_.Waited(std::chrono::duration<double>(clock_.Steady() - waited->second).count());
  waiting_.erase(waited);
  metrics_.Depth(waiting_.size());
  in_hand_.insert(key);
  return key;
}

std::optional<Key> WorkQueue::TryTake() {
  const std::lock_guard lock(mutex_);
  return TakeLocked();
}

std::optional<Key> WorkQueue::Take() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (auto key = TakeLocked()) return key;
    if (stopped_) return std::nullopt;
    if (by_time_.empty()) {
      changed_.wait(lock);
    } else {
      const auto left = by_time_.begin()->first - clock_.Steady();
      changed_.wait_for(lock, std::clamp<SteadyTime::duration>(left, SteadyTime::duration::zero(), kLongestSleep));
    }
  }
}

void WorkQueue::Done(const Key& key) {
  {
    const std::lock_guard lock(mutex_);
    in_hand_.erase(key);
    if (waiting_.count(key) == 0) return;
    ready_.push_back(key);
  }
  changed_.notify_one();
}

std::optional<SteadyTime> WorkQueue::NextAt() const {
  const std::lock_guard lock(mutex_);
  return by_time_.empty() ? std::nullopt : std::optional(by_time_.begin()->first);
}

std::size_t WorkQueue::Size() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size() + delayed_.size();
}

void WorkQueue::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
}

}  // namespace asya::reconcilers
