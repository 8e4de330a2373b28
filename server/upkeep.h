// Upkeep: forgets, once a minute, old events of the store and tasks that are kept no longer.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "core/base/clock.h"
#include "core/observe/log.h"
#include "storage/sqlite/object_store.h"
#include "storage/sqlite/task_store.h"

namespace asya::server {

class Upkeep {
 public:
  static constexpr std::chrono::seconds kPeriod{60};

  Upkeep(storage::sqlite::ObjectStore& objects, storage::sqlite::TaskStore& tasks, const Clock& clock,
         observe::Logger logger);
  ~Upkeep();
  Upkeep(const Upkeep&) = delete;
  Upkeep& operator=(const Upkeep&) = delete;
  void Start();
  void Stop();

 private:
  void Run();

  storage::sqlite::ObjectStore& objects_;
  storage::sqlite::TaskStore& tasks_;
  const Clock& clock_;
  const observe::Logger logger_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool running_ = false;
  std::thread thread_;
};

}  // namespace asya::server
