// Broker: the queues of one SQLite file, served to relays over a Unix socket and to this process directly.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/sql/sqlite/database.h"
#include "ports/message_queue.h"
#include "ports/queue_admin.h"
#include "transports/sqlite/broker_settings.h"

namespace asya::transports::sqlite {

// The schema of the queues, to be opened with the database.
std::vector<sql::sqlite::Migration> Migrations();

// One process owns the file, so a lease need not be in it: it lives with its connection in this process and ends with
// either. A hop is then one delete and one insert, committed together with whatever else this process writes at that
// moment.
class Broker {
 public:
  // `database` must outlive this and is stopped after it.
  Broker(sql::sqlite::Database& database, const BrokerSettings& settings, const Clock& clock);
  ~Broker();

  // Reads what the file holds (no message is leased then), listens, starts the thread.
  Status Start();
  // Writes what was received, closes all connections. Idempotent.
  void Stop();

  ports::QueueAdmin& Admin();
  ports::Publisher& Publisher();
  // Within this process, once this has started; relays have a Client.
  std::unique_ptr<ports::MessageQueue> NewConsumer(const std::string& queue);
  // Of at most `limit` queues, by name: first those that hold messages. kClosed, kTimeout.
  Result<std::vector<std::pair<std::string, ports::QueueStats>>> AllStats(std::size_t limit);
  // Publishes within a job of the database's writer; the message is seen when that job is committed, and never if it is
  // not. kUnroutable, kTooLarge.
  Status EnqueueInTransaction(sql::sqlite::Transaction& transaction, const std::string& queue, std::string_view body);

 private:
  class Inside;
  std::shared_ptr<Inside> inside_;
};

}  // namespace asya::transports::sqlite
