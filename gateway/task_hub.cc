#include "gateway/task_hub.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

namespace asya::gateway {

namespace {
// A stream that falls this far behind its live events loses the oldest of them; they are not stored anyway (spec 07).
constexpr std::size_t kFlyBacklogLimit = 1000;
constexpr std::chrono::milliseconds kExecutorPause{50};  // until a full executor is tried again
}  // namespace

struct TaskHub::Entry {
  std::string task_id;
  std::shared_ptr<TaskListener> listener;
  Interest interest = Interest::kEveryChange;
  std::chrono::milliseconds period{0};
  // Guarded by TaskHub::mutex_.
  bool changed = false;
  bool time_came = false;
  bool scheduled = false;  // a Drain is waiting or running
  bool gone = false;
  std::deque<std::string> fly;
  SteadyTime due;  // when its period is over; the timer may be set earlier
  std::optional<std::multimap<SteadyTime, std::shared_ptr<Entry>>::iterator> timer;
};

TaskHub::TaskHub(Executor& executor, const Clock& clock, GatewayMetrics metrics)
    : executor_(executor), clock_(clock), metrics_(std::move(metrics)) {}

TaskHub::~TaskHub() { Stop(); }

void TaskHub::Start() {
  const std::lock_guard lock(mutex_);
  if (running_) return;
  running_ = true;
  timer_ = std::thread([this] { KeepTime(); });
}

void TaskHub::Stop() {
  {
    const std::lock_guard lock(mutex_);
    if (!running_) return;
    running_ = false;
  }
  timer_changed_.notify_all();
  timer_.join();
  const std::lock_guard lock(mutex_);
  listeners_.clear();
  // The executor may still run some of them.
  for (const auto& [at, entry] : timers_) entry->timer.reset();
  timers_.clear();
  count_ = 0;
}

bool TaskHub::Add(const std::string& task_id, std::shared_ptr<TaskListener> listener, Interest interest,
                  std::chrono::milliseconds period) {
  auto entry = std::make_shared<Entry>();
  entry->task_id = task_id;
  entry->listener = std::move(listener);
  entry->interest = interest;
  entry->period = period;
  {
    const std::lock_guard lock(mutex_);
    if (!running_ || count_ >= kListenerLimit) {
      metrics_.ListenerRefused();
      return false;
    }
    ++count_;
    listeners_[task_id].push_back(entry);
    entry->due = clock_.Steady() + period;
    SetTimer(entry, entry->due);
    if (interest == Interest::kEnd && live_.contains(task_id)) return true;
    entry->changed = true;
  }
  Wake(entry);
  return true;
}

void TaskHub::Remove(const std::string& task_id, const TaskListener* listener) {
  std::shared_ptr<Entry> found;
  {
    const std::lock_guard lock(mutex_);
    const auto list = listeners_.find(task_id);
    if (list == listeners_.end()) return;
    for (const auto& entry : list->second) {
      if (entry->listener.get() == listener) found = entry;
    }
  }
  if (found) Forget(found);
}

void TaskHub::Changed(const ports::TaskChange& change) {
  std::vector<std::shared_ptr<Entry>> woken;
  {
    const std::lock_guard lock(mutex_);
    if (change.may_have_ended) {
      live_.erase(change.task_id);
    } else if (change.lives && live_.size() < kLiveTaskLimit) {
      live_.insert(change.task_id);
    }
    const auto list = listeners_.find(change.task_id);
    if (list == listeners_.end()) return;
    for (const auto& entry : list->second) {
      if (entry->interest == Interest::kEnd && !change.may_have_ended) continue;
      entry->changed = true;
      woken.push_back(entry);
    }
  }
  for (const auto& entry : woken) Wake(entry);
}

void TaskHub::Fly(const ports::FlyEvent& event) {
  std::vector<std::shared_ptr<Entry>> woken;
  {
    const std::lock_guard lock(mutex_);
    const auto list = listeners_.find(event.task_id);
    if (list == listeners_.end()) return;
    for (const auto& entry : list->second) {
      if (entry->interest != Interest::kEveryChange || !entry->listener->TakesFlyOf(event.namespace_)) continue;
      woken.push_back(entry);
      if (entry->fly.size() >= kFlyBacklogLimit) {
        entry->fly.pop_front();
        metrics_.FlyDropped();
      }
      entry->fly.push_back(event.data_json);
    }
  }
  for (const auto& entry : woken) Wake(entry);
}

bool TaskHub::IsFollowed(const std::string& task_id) const {
  const std::lock_guard lock(mutex_);
  const auto list = listeners_.find(task_id);
  if (list == listeners_.end()) return false;
  return std::any_of(list->second.begin(), list->second.end(),
                     [](const auto& entry) { return entry->interest == Interest::kEveryChange; });
}

std::size_t TaskHub::Listeners() const {
  const std::lock_guard lock(mutex_);
  return count_;
}

void TaskHub::Wake(const std::shared_ptr<Entry>& entry) {
  {
    const std::lock_guard lock(mutex_);
    if (entry->scheduled || entry->gone) return;
    entry->scheduled = true;
  }
  if (executor_.Submit([this, entry] { Drain(entry); })) return;
  // The executor is full: the timer wakes this listener again, so a change is late but never lost.
  const std::lock_guard lock(mutex_);
  entry->scheduled = false;
  SetTimer(entry, clock_.Steady() + kExecutorPause);
}

void TaskHub::SetTimer(const std::shared_ptr<Entry>& entry, SteadyTime at) {
  if (entry->gone || !running_) return;
  DropTimer(*entry);
  entry->timer = timers_.emplace(at, entry);
  // The thread sleeps until the first one.
  if (*entry->timer == timers_.begin()) timer_changed_.notify_all();
}

void TaskHub::DropTimer(Entry& entry) {
  if (entry.timer) timers_.erase(*entry.timer);
  entry.timer.reset();
}

void TaskHub::Drain(const std::shared_ptr<Entry>& entry) {
  for (;;) {
    std::deque<std::string> fly;
    bool changed = false;
    bool time_came = false;
    {
      const std::lock_guard lock(mutex_);
      if (entry->gone || (!entry->changed && !entry->time_came && entry->fly.empty())) {
        entry->scheduled = false;
        return;
      }
      fly.swap(entry->fly);
      changed = std::exchange(entry->changed, false);
      time_came = std::exchange(entry->time_came, false);
    }
    for (const std::string& data : fly) entry->listener->OnFly(data);
    bool keep = !changed || entry->listener->OnChange();
    if (keep && time_came) {
      keep = entry->listener->OnTime();
      if (keep) {
        const std::lock_guard lock(mutex_);
        entry->due = clock_.Steady() + entry->period;
        SetTimer(entry, entry->due);
      }
    }
    if (!keep) Forget(entry);
  }
}

void TaskHub::Forget(const std::shared_ptr<Entry>& entry) {
  const std::lock_guard lock(mutex_);
  if (entry->gone) return;
  entry->gone = true;
  DropTimer(*entry);
  const auto list = listeners_.find(entry->task_id);
  if (list == listeners_.end()) return;
  const auto place = std::find(list->second.begin(), list->second.end(), entry);
  if (place == list->second.end()) return;
  list->second.erase(place);
  --count_;
  if (list->second.empty()) listeners_.erase(list);
}

void TaskHub::KeepTime() {
  std::unique_lock lock(mutex_);
  while (running_) {
    if (timers_.empty()) {
      timer_changed_.wait(lock);
      continue;
    }
    const SteadyTime first = timers_.begin()->first;
    if (clock_.Steady() < first) {
      timer_changed_.wait_until(lock, first);
      continue;
    }
    const std::shared_ptr<Entry> entry = timers_.begin()->second;
    DropTimer(*entry);
    if (clock_.Steady() >= entry->due) {
      entry->time_came = true;
    } else {
      SetTimer(entry, entry->due);  // it was only for a full executor
    }
    lock.unlock();
    Wake(entry);
    lock.lock();
  }
}

}  // namespace asya::gateway
