// FlyExchange: hands live events of tasks on to the other processes of one PostgreSQL database: a small unlogged table,
// with NOTIFY as the hint that there is something in it. What is lost is lost; nothing comes twice or out of order.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/base/clock.h"
#include "core/observe/metrics.h"
#include "core/sql/postgres/database.h"
#include "core/sql/postgres/listener.h"
#include "ports/fly_event.h"

namespace asya::storage::postgres {

// Of one process.
struct FlyLimits {
  std::size_t event_bytes = 1U << 20U;    // larger ones are not handed on
  std::size_t waiting_bytes = 8U << 20U;  // not yet in the table; the oldest go
  std::size_t kept_bytes = 8U << 20U;     // in the table; the oldest go
  std::chrono::seconds kept_for{30};      // in the table
};

class FlyExchange {
 public:
  static constexpr std::chrono::minutes kLeftFor{5};  // what a process has left behind is cleared away by others then
  static constexpr std::chrono::minutes kClearPeriod{1};

  // Both are called on one thread of the exchange and must not block.
  struct Receiver {
    std::function<bool(const std::string& task_id)> wants;
    std::function<void(const ports::FlyEvent& event)> take;
  };

  // The database has been opened with Migrations(); it, `clock` and `metrics` outlive this.
  FlyExchange(sql::postgres::Database& database, const Clock& clock, observe::Metrics& metrics, Receiver receiver,
              const FlyLimits& limits = {});
  ~FlyExchange();
  FlyExchange(const FlyExchange&) = delete;
  FlyExchange& operator=(const FlyExchange&) = delete;

  void Start();
  // Idempotent; nothing is sent or received after it.
  void Stop();

  // Blocks until the others can have them, or they are lost: what is committed afterwards is seen by nobody before
  // them. Several calls that wait at once are one transaction. Any thread.
  void Send(std::vector<ports::FlyEvent> events);

 private:
  struct Waiting {
    std::vector<ports::FlyEvent> events;
    std::size_t bytes = 0;
    std::promise<void> done;
  };
  // Rows of one transaction.
  struct Kept {
    std::int64_t last = 0;
    std::size_t events = 0;
    std::size_t bytes = 0;
    SteadyTime at{};
  };

  Waiting WithinLimits(std::vector<ports::FlyEvent> events) const;
  void Work();
  void Write(std::deque<Waiting>& batch);
  // The last row that is kept no longer; 0: none.
  std::int64_t TakeOutlived();
  bool ClearsNow();
  Status Insert(sql::postgres::Transaction& transaction, const std::vector<ports::FlyEvent>& events,
                std::int64_t first) const;
  [[nodiscard]] std::string Hint(const std::vector<ports::FlyEvent>& events, std::int64_t first) const;
  void OnHint(const std::string& payload);
  void Receive(const std::string& server, std::int64_t after, std::int64_t last);

  sql::postgres::Database& database_;
  const Clock& clock_;
  const Receiver receiver_;
  const FlyLimits limits_;
  const std::string server_;  // by which a process knows its own, and others keep those of each apart
  const observe::Counter unfit_;
  const observe::Counter too_many_;
  const observe::Counter pushed_out_;
  const observe::Counter unwritten_;
  std::map<std::string, std::int64_t> seen_;  // the last row read of each server; of the listener's thread

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Waiting> waiting_;
  std::size_t waiting_bytes_ = 0;
  bool running_ = false;

  // Of the writing thread.
  std::deque<Kept> kept_;
  std::size_t kept_bytes_ = 0;
  std::int64_t written_ = 0;  // the last row
  std::optional<SteadyTime> cleared_at_;

  sql::postgres::Listener listener_;
  std::thread thread_;
};

}  // namespace asya::storage::postgres
