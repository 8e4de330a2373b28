// Changes: settlements and crash counts on their way to the file; all that wait are written in one job of the writer.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/sql/sqlite/database.h"
#include "ports/message_queue.h"
#include "transports/sqlite/ledger.h"

namespace asya::transports::sqlite {

struct Change {
  enum class Kind { kAck, kRetry, kCrashCount };
  Kind kind = Kind::kAck;
  std::uint64_t number = 0;  // given by Add: they are written in this order, however often they fail
  std::uint64_t session = 0;
  std::uint64_t tag = 0;
  QueueId queue;
  MessageId message;
  std::int64_t since_us = 0;             // of the lease, for a message that goes back
  std::int64_t crash_count = 0;          // of the lease; for kCrashCount the value to write
  std::vector<ports::Outgoing> publish;  // kAck
  std::string retry_body;                // kRetry
  std::int64_t due_us = 0;               // kRetry
  std::size_t bytes = 0;                 // of the bodies
  SteadyTime handed_at{};                // for the latency
  // The outcome.
  Status status = Ok();
  std::vector<Placed> placed;  // one per publish
};

// Add and Flush belong to the broker's thread.
class Changes : public std::enable_shared_from_this<Changes> {
 public:
  // Called on the writer thread: ok when the batch is durable (each change then has its own status), else nothing of it
  // happened.
  using Outcome = std::function<void(std::vector<Change> batch, Status status)>;
  Changes(sql::sqlite::Database& database, std::shared_ptr<Ledger> ledger, const Clock& clock, Outcome outcome);

  void Add(Change change);
  // Puts a batch that failed back to its place in the order.
  void AddAgain(std::vector<Change> batch);
  // Hands what waits to the writer. A job takes all that waits when it runs, so one waiting job is enough, and what
  // comes while the commit before it is written shares the next one. False: the writer's queue is full, call again
  // soon.
  bool Flush();
  // Nothing waits for the writer.
  [[nodiscard]] bool empty();

 private:
  std::vector<Change> TakeAll();
  Status Write(sql::sqlite::Transaction& transaction, Change& change);
  Status WriteAck(sql::sqlite::Transaction& transaction, Change& change);

  sql::sqlite::Database& database_;
  std::shared_ptr<Ledger> ledger_;
  const Clock& clock_;
  const Outcome outcome_;
  std::mutex mutex_;
  std::vector<Change> waiting_;  // by number
  std::uint64_t last_number_ = 0;
  bool job_waits_ = false;
};

}  // namespace asya::transports::sqlite
