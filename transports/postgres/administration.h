// Administration: makes, removes and measures queues in PostgreSQL, sends messages, and passes hints on.
#pragma once

#include <list>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/sql/postgres/database.h"
#include "core/sql/postgres/listener.h"
#include "ports/message_queue.h"
#include "ports/queue_admin.h"

namespace asya::transports::postgres {

// Adds the messages within a transaction of the caller. kUnroutable, kTooLarge.
Status PublishInTransaction(sql::postgres::Transaction& transaction, const std::vector<ports::Outgoing>& messages);

// Adds the first message of a task within the transaction that stores the task. It may grow by an error on its way:
// kTooLarge above ports::OrdinaryLimitBytes. kUnroutable.
Status EnqueueInTransaction(sql::postgres::Transaction& transaction, const std::string& queue, const std::string& body);

// The totals of QueueStats count since the queue was made, over all processes.
class Administration final : public ports::QueueAdmin, public ports::Publisher {
 public:
  // `database` was opened with Migrations() and outlives this.
  explicit Administration(sql::postgres::Database& database);
  ~Administration() override;

  // Starts and ends listening for hints. Everything else works without.
  void Start();
  void Stop();

  Status Ensure(const ports::QueueSpec& spec) override;
  Status Remove(const std::string& name, bool force) override;
  Result<ports::QueueStats> Stats(const std::string& name) override;
  Result<std::vector<std::string>> List() override;
  // Of all queues in one read, those with most messages first; without their totals.
  Result<std::vector<std::pair<std::string, ports::QueueStats>>> AllStats(std::size_t limit);
  std::shared_ptr<void> SubscribeHints(std::function<void(const std::string& queue)> on_work) override;
  // `timeout` is bounded by the deadlines of the database's settings. kTimeout: the outcome is unknown.
  Status Publish(const std::vector<ports::Outgoing>& messages, std::chrono::milliseconds timeout) override;

 private:
  Status Write(const sql::postgres::Database::Job& job);
  Status Read(const sql::postgres::Database::Job& job);
  void OnHint(const std::string& payload);
  void OnTick();
  void Tell(const std::string& queue);

  sql::postgres::Database& database_;
  std::recursive_mutex mutex_;
  std::list<std::function<void(const std::string&)>> subscribers_;
  sql::postgres::Listener listener_;
};

}  // namespace asya::transports::postgres
