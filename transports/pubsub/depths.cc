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
  const std::int64_t delayed = queue.delayed(clock_.Now());
  if (queue.messages() < 0 && queue.changed_at + kLateFor < now) queue.drift -= queue.messages();
  if (idle && queue.messages() > delayed) queue.drift += delayed - queue.messages();
}

// Of the queues that the report tells of.
std::map<std::string, std::int64_t> Depths::VisibleOf(const Report& report) const {
  std::map<std::string, std::int64_t> visible;
  const auto add = [&](const std::string& name) {
    if (const auto found = queues_.find(name); found != queues_.end()) visible[name] = StatsOf(found->second).visible;
  };
  for (const auto& [changed, change] : report.changes) add(changed);
  add(report.queue);
  return visible;
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
  const std::map<std::string, std::int64_t> before = VisibleOf(report);
  const SteadyTime now = clock_.Steady();
  for (const auto& [changed, change] : report.changes) {
    const auto found = queues_.find(changed);
    if (found == queues_.end()) continue;
    Queue& queue = found->second;
    queue.arrived += change.arrived;
    queue.settled += change.settled;
    queue.changed_at = now;
    if (change.arrived > 0) queue.arrived_at = now;
    for (const WallTime due : change.due) {
      if (queue.due.size() < kDueTimesMax) queue.due.insert(due);
    }
    if (change.arrived > 0) work.insert(changed);
  }
  if (const auto own = queues_.find(report.queue); own != queues_.end()) {
    Watcher& watcher = own->second.watchers[report.instance];
    if (watcher.number < report.number) {
      watcher = {report.number, report.ends, report.ends ? 0 : report.leased, report.idle_ms, now};
    }
  }
  for (const auto& [told, visible] : before) {
    Queue& queue = queues_.at(told);
    Correct(queue);
    if (StatsOf(queue).visible > visible) work.insert(told);
  }
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
  for (const auto& [instance, watcher] : queue.watchers) {
    if (watcher.heard_at + kSilentFor >= clock_.Steady()) stats.in_flight += watcher.leased;
  }
  stats.delayed = queue.delayed(clock_.Now());
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

std::set<std::string> Depths::TakeDue() {
  const std::lock_guard lock(mutex_);
  const WallTime now = clock_.Now();
  std::set<std::string> names;
  for (auto& [name, queue] : queues_) {
    const auto end = queue.due.upper_bound(now);
    if (end == queue.due.begin()) continue;
    queue.due.erase(queue.due.begin(), end);
    names.insert(name);
  }
  return names;
}

std::optional<WallTime> Depths::NextDue() const {
  const std::lock_guard lock(mutex_);
  std::optional<WallTime> next;
  for (const auto& [name, queue] : queues_) {
    if (!queue.due.empty() && (!next || *queue.due.begin() < *next)) next = *queue.due.begin();
  }
  return next;
}

}  // namespace asya::transports::pubsub
