// Cutter: cuts connections whose server does not answer by a deadline; libpq itself would wait for ever.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <thread>

#include "core/base/clock.h"

namespace asya::sql::postgres {

class Cutter {
 public:
  // The one of the process. Its thread sleeps while nothing is watched.
  static Cutter& OfProcess();

  // While it lives, the socket is shut down once the limit has passed: then the call that waits on it ends as on any
  // lost connection. It must end before the socket is closed.
  class Watch {
   public:
    Watch(int socket, std::chrono::milliseconds limit);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    // Whether the limit has passed.
    [[nodiscard]] bool cut() const;

   private:
    std::uint64_t id_;
  };

 private:
  struct Entry {
    int socket = -1;
    SteadyTime deadline{};
    bool cut = false;
  };

  Cutter();
  void Work();
  std::uint64_t Add(int socket, std::chrono::milliseconds limit);
  void Remove(std::uint64_t id);
  bool IsCut(std::uint64_t id);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::uint64_t, Entry> entries_;
  std::uint64_t last_id_ = 0;
  SteadyTime wakes_at_ = SteadyTime::max();
  std::thread thread_;  // the last member: it uses the others
};

}  // namespace asya::sql::postgres
