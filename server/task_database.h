// TaskDatabase: where the gateway of a cluster keeps tasks: a PostgreSQL that several servers share. The first message
// of a task is stored with it, in one transaction, in the outbox, from which it goes on to its broker.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/base/result.h"
#include "core/observe/log.h"
#include "core/observe/metrics.h"
#include "core/sql/postgres/database.h"
#include "ports/message_queue.h"
#include "ports/queue_admin.h"
#include "ports/task_store.h"
#include "storage/postgres/fly_exchange.h"
#include "storage/postgres/task_store.h"
#include "transports/postgres/administration.h"

namespace asya::server {

class TaskDatabase {
 public:
  // Opens what is missing; an error says what a person can do. `url` is libpq's and may hold a password; `clock` and
  // `random` live longer.
  static Result<std::unique_ptr<TaskDatabase>> Open(const std::string& url, const Clock& clock, Random& random);
  ~TaskDatabase();
  TaskDatabase(const TaskDatabase&) = delete;
  TaskDatabase& operator=(const TaskDatabase&) = delete;

  ports::TaskStore& tasks() { return tasks_; }
  // Of the outbox; by one server at a time, or each takes a part.
  [[nodiscard]] std::unique_ptr<ports::MessageQueue> NewOutboxConsumer() const;
  // With the other servers of this database.
  [[nodiscard]] std::unique_ptr<storage::postgres::FlyExchange> NewFlyExchange(
      observe::Metrics& metrics, storage::postgres::FlyExchange::Receiver receiver) const;
  ports::QueueAdmin& queues() { return queues_; }
  // Forget, about once a minute and by any of the servers, what is kept no longer.
  Result<std::int64_t> DropOldTasks(WallTime now) { return tasks_.DropOld(now); }
  Result<std::int64_t> DropOldDeadLetters(WallTime now) { return tasks_.DropOldDeadLetters(now); }
  // Idempotent.
  void Stop();

 private:
  TaskDatabase(sql::postgres::Settings settings, std::unique_ptr<sql::postgres::Database> database, const Clock& clock,
               Random& random);

  const sql::postgres::Settings settings_;
  const Clock& clock_;
  Random& random_;
  const std::unique_ptr<sql::postgres::Database> database_;
  transports::postgres::Administration queues_;
  storage::postgres::TaskStore tasks_;
};

}  // namespace asya::server
