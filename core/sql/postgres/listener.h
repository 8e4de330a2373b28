// Listener: one connection that waits for NOTIFY, with a tick, so that a lost hint costs a second and never an event.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "core/base/unique_fd.h"
#include "core/sql/postgres/database.h"

namespace asya::sql::postgres {

class Listener {
 public:
  // Both are called on the listener's thread and must not block for long.
  using OnHint = std::function<void(const std::string& channel, const std::string& payload)>;
  // At every tick, and after each (new) connection: whatever was notified meanwhile is lost, so look for yourself.
  using OnTick = std::function<void()>;

  static constexpr std::chrono::milliseconds kTick{1000};

  // Channel names are identifiers: lower case letters, digits, underscores.
  Listener(Settings settings, std::vector<std::string> channels, OnHint on_hint, OnTick on_tick);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Reconnects for ever, once a tick.
  void Start();
  // Idempotent; no call comes after it.
  void Stop();

 private:
  void Work();
  void ListenUntilLost();
  // False: Stop was called.
  bool Wait(int socket);

  const Settings settings_;
  const std::vector<std::string> channels_;
  const OnHint on_hint_;
  const OnTick on_tick_;
  UniqueFd stop_;
  std::atomic<bool> running_{false};
  std::thread thread_;
};

}  // namespace asya::sql::postgres
