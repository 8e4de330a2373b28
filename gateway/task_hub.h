// TaskHub: wakes those who wait for a task in this process: long polls, event streams and cancel feeds.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/base/clock.h"
#include "core/base/executor.h"
#include "gateway/gateway_metrics.h"
#include "ports/fly_event.h"
#include "ports/task_store.h"

namespace asya::gateway {

// One who waits. Its calls come from the hub's executor, one at a time per listener.
class TaskListener {
 public:
  virtual ~TaskListener() = default;
  // The task may have changed: read it again. Return false to be forgotten.
  virtual bool OnChange() = 0;
  // A streamed, unstored event of the handler, in order; only for those who asked for a task's live stream.
  virtual void OnFly(const std::string& data_json) = 0;
  // Whether those of who is of this namespace are listened to. Under a lock of the hub: only say so.
  [[nodiscard]] virtual bool TakesFlyOf(const std::string& /*namespace_*/) const { return true; }
  // The time given to Add has come. Return false to be forgotten, or true to be called again after `period`.
  virtual bool OnTime() = 0;
};

// What a listener is woken for. Each wake costs a read of the database.
enum class Interest { kEveryChange, kEnd };

// Bounds: kListenerLimit listeners in all. Thread safe.
class TaskHub {
 public:
  static constexpr std::size_t kListenerLimit = 20'000;
  static constexpr std::size_t kLiveTaskLimit = 20'000;  // known to be unfinished; of others the store is asked

  TaskHub(Executor& executor, const Clock& clock, GatewayMetrics metrics = {});
  ~TaskHub();
  TaskHub(const TaskHub&) = delete;
  TaskHub& operator=(const TaskHub&) = delete;
  void Start();
  void Stop();

  // False when too many listen already. OnTime is called after `period`, and each `period` again while it returns true.
  // OnChange is called once soon, so that nothing between the caller's last read and this call is missed; but not where
  // it could say only that a task has not ended which is known to be live.
  [[nodiscard]] bool Add(const std::string& task_id, std::shared_ptr<TaskListener> listener, Interest interest,
                         std::chrono::milliseconds period);
  void Remove(const std::string& task_id, const TaskListener* listener);
  void Changed(const ports::TaskChange& change);
  void Fly(const ports::FlyEvent& event);
  // Whether somebody here follows the task's every change.
  [[nodiscard]] bool IsFollowed(const std::string& task_id) const;
  [[nodiscard]] std::size_t Listeners() const;

 private:
  struct Entry;
  void Wake(const std::shared_ptr<Entry>& entry);
  void Drain(const std::shared_ptr<Entry>& entry);
  void Forget(const std::shared_ptr<Entry>& entry);
  void KeepTime();
  // Both under the lock.
  void SetTimer(const std::shared_ptr<Entry>& entry, SteadyTime at);
  void DropTimer(Entry& entry);

  Executor& executor_;
  const Clock& clock_;
  const GatewayMetrics metrics_;
  mutable std::mutex mutex_;
  std::condition_variable timer_changed_;
  std::unordered_map<std::string, std::vector<std::shared_ptr<Entry>>> listeners_;
  std::unordered_set<std::string> live_;  // tasks whose end will be told here
  std::multimap<SteadyTime, std::shared_ptr<Entry>> timers_;
  std::size_t count_ = 0;
  bool running_ = false;
  std::thread timer_;
};

}  // namespace asya::gateway
