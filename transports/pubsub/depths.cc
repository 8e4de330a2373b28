#include "transports/pubsub/depths.h"

#include <algorithm>

namespace asya::transports::pubsub {

void Depths::Add(const std::string& queue) {
  const std::lock_guard lock(mutex_);
  queues_.try_emplace(queue);
}

void Depths::Remove(const std::string& queue) {
  const std::lock_guard lock(mutex_);
  queues_.erase(queue);
}

void Depths::Arrived(const std::string& queue, std::int64_t count) {
  const std::lock_guard lock(mutex_);
  const auto found = queues_.find(queue);
  if (found == queues_.end()) return;
  found->second.arrived += count;
  found->second.arrived_at = clock_.Steady();
}

// No less than nothing once everybody has told, and nothing while all who look find nothing.
void Depths::Correct(Queue& queue) const {
  const SteadyTime now = clock_.Steady();
  std::erase_if(queue.watchers, [now](const auto& one) { return one.second.heard_at + kSilentFor < now; });
  bool idle = !queue.watchers.empty() && queue.arrived_at + kIdleEnough < now;
  for (const auto& [instance, watcher] : queue.watchers) {
    idle = idle && !watcher.ended && watcher.leased == 0 &&
           watcher.idle_ms >= std::chrono::milliseconds(kIdleEnough).count();
  }
  queue.due.erase(queue.due.begin(), queue.due.upper_bound(clock_.Now()));
  const auto delayed = static_cast<std::int64_t>(queue.due.size());
  if (queue.messages() < 0 && queue.changed_at + kLateFor < now) queue.drift -= queue.messages();
  if (idle && queue.messages() > delayed) queue.drift += delayed - queue.messages();
}

std::set<std::string> Depths::Take(const Report& report) {
  const std::lock_guard lock(mutex_);
  std::set<std::string> work;
  const std::string name = report.instance + "#" + std::to_string(report.number);
  if (!seen_.insert(name).second) return work;
  seen_order_.push_back(name);
  if (seen_order_.size() > kReportsRemembered) {
    seen_.erase(seen_order_.front());
    seen_order_.pop_front();
  }
  const SteadyTime now = clock_.Steady();
  const WallTime wall = clock_.Now();
  for (const auto& [changed, change] : report.changes) {
    const auto found = queues_.find(changed);
    if (found == queues_.end()) continue;
    Queue& queue = found->second;
    queue.arrived += change.arrived;
    queue.settled += change.settled;
    queue.changed_at = now;
    if (change.arrived > 0) queue.arrived_at = now;
    bool due_already = false;
    for (const WallTime due : change.due) {
      due_already = due_already || due <= wall;
      if (due > wall && queue.due.size() < kDueTimesMax) queue.due.insert(due);
    }
    if (change.arrived > 0 || due_already) work.insert(changed);
  }
  const auto own = queues_.find(report.queue);
  if (own == queues_.end()) return work;
  Watcher& watcher = own->second.watchers[report.instance];
  if (watcher.number < report.number) {
    watcher = {report.number, report.ends, report.ends ? 0 : report.leased, report.idle_ms, now};
  }
  for (const auto& [changed, change] : report.changes) {
    if (const auto found = queues_.find(changed); found != queues_.end()) Correct(found->second);
  }
  Correct(own->second);
  return work;
}

void Depths::Found(const std::string& queue) {
  const std::lock_guard lock(mutex_);
  const auto found = queues_.find(queue);
  if (found == queues_.end() || found->second.messages() > 0) return;
  found->second.drift += 1 - found->second.messages();
}

ports::QueueStats Depths::StatsOf(const Queue& queue) const {
  ports::QueueStats stats;
  const WallTime now = clock_.Now();
  for (const auto& [instance, watcher] : queue.watchers) {
    if (watcher.heard_at + kSilentFor >= clock_.Steady()) stats.in_flight += watcher.leased;
  }
  stats.delayed = std::distance(queue.due.upper_bound(now), queue.due.end());
  stats.visible = std::max<std::int64_t>(0, queue.messages() - stats.in_flight - stats.delayed);
  stats.arrived_total = queue.arrived;
  stats.settled_total = queue.settled;
  return stats;
}

ports::QueueStats Depths::Stats(const std::string& queue) const {
  const std::lock_guard lock(mutex_);
  const auto found = queues_.find(queue);
  return found == queues_.end() ? ports::QueueStats{} : StatsOf(found->second);
}

std::int64_t Depths::Messages(const std::string& queue) const {
  const std::lock_guard lock(mutex_);
  const auto found = queues_.find(queue);
  return found == queues_.end() ? 0 : std::max<std::int64_t>(0, found->second.messages());
}

std::vector<std::string> Depths::Unwatched() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, queue] : queues_) {
    const bool watched = std::any_of(queue.watchers.begin(), queue.watchers.end(), [this](const auto& one) {
      return !one.second.ended && one.second.heard_at + kSilentFor >= clock_.Steady();
    });
    if (!watched && queue.messages() <= 0) names.push_back(name);
  }
  return names;
}

std::set<std::string> Depths::WithWork() const {
  const std::lock_guard lock(mutex_);
  std::set<std::string> names;
  for (const auto& [name, queue] : queues_) {
    if (StatsOf(queue).visible > 0) names.insert(name);
  }
  return names;
}

std::optional<WallTime> Depths::NextDue() const {
  const std::lock_guard lock(mutex_);
  std::optional<WallTime> next;
  for (const auto& [name, queue] : queues_) {
    const auto first = queue.due.upper_bound(clock_.Now());
    if (first != queue.due.end() && (!next || *first < *next)) next = *first;
  }
  return next;
}

}  // namespace asya::transports::pubsub
