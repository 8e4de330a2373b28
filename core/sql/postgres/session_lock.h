// SessionLock: an advisory lock that one process holds as long as it lives; taken again after each loss of connection.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>

#include "core/base/unique_fd.h"
#include "core/sql/postgres/database.h"

namespace asya::sql::postgres {

class Connection;

class SessionLock {
 public:
  static constexpr std::chrono::milliseconds kTick{1000};     // between two looks at the connection
  static constexpr std::chrono::milliseconds kRetryTick{50};  // while another still holds it at the start

  // The lock belongs to the current schema of the database. `on_taken_over` is called once, on the lock's own thread,
  // when another process has taken it while this one was cut off.
  SessionLock(Settings settings, std::int64_t key, std::function<void()> on_taken_over);
  ~SessionLock();
  SessionLock(const SessionLock&) = delete;
  SessionLock& operator=(const SessionLock&) = delete;

  // kConflict: another process held it for all of `patience`. kUnavailable: no connection.
  Status Start(std::chrono::milliseconds patience);
  // Releases it. Idempotent.
  void Stop();

 private:
  void Work();
  // False: another holds it.
  Result<bool> Take();
  // Whether the connection that holds the lock is still there.
  bool Holds();
  // False: Stop was called.
  bool Wait(std::chrono::milliseconds time);

  const Settings settings_;
  const std::int64_t key_;
  const std::function<void()> on_taken_over_;
  UniqueFd stop_;
  std::unique_ptr<Connection> connection_;  // of the thread, once that runs
  std::thread thread_;
};

}  // namespace asya::sql::postgres
