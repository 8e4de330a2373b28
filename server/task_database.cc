#include "server/task_database.h"

#include <utility>

#include "server/outbox.h"
#include "server/postgres_database.h"
#include "transports/postgres/consumer.h"

namespace asya::server {

TaskDatabase::TaskDatabase(sql::postgres::Settings settings, std::unique_ptr<sql::postgres::Database> database,
                           const Clock& clock, Random& random)
    : settings_(std::move(settings)),
      clock_(clock),
      random_(random),
      database_(std::move(database)),
      queues_(*database_),
      tasks_(*database_, clock, [](sql::postgres::Transaction& transaction, const ports::FirstMessage& message) {
        return transports::postgres::EnqueueInTransaction(transaction, Outbox::kQueue,
                                                          Outbox::Wrap(message.queue, message.body));
      }) {}

TaskDatabase::~TaskDatabase() { Stop(); }

Result<std::unique_ptr<TaskDatabase>> TaskDatabase::Open(const std::string& url, const Clock& clock, Random& random) {
  sql::postgres::Settings settings;
  settings.dsn = url;
  settings.application_name = "asya-server-tasks";
  ASYA_TRY(auto database, OpenPostgres(settings, StoreAndQueueMigrations(), clock));
  std::unique_ptr<TaskDatabase> opened(new TaskDatabase(std::move(settings), std::move(database), clock, random));
  // Whoever leads takes from it; until then tasks wait in it.
  ASYA_TRY_STATUS(Outbox::MakeQueue(opened->queues_));
  opened->queues_.Start();
  opened->tasks_.Start();
  return opened;
}

std::unique_ptr<ports::MessageQueue> TaskDatabase::NewOutboxConsumer() const {
  transports::postgres::ConsumerSettings consumer;
  consumer.database = settings_;
  consumer.database.connections = 1;
  consumer.queue = Outbox::kQueue;
  return std::make_unique<transports::postgres::Consumer>(consumer, clock_, random_);
}

std::unique_ptr<storage::postgres::FlyExchange> TaskDatabase::NewFlyExchange(
    observe::Metrics& metrics, storage::postgres::FlyExchange::Receiver receiver) const {
  return std::make_unique<storage::postgres::FlyExchange>(*database_, clock_, metrics, std::move(receiver));
}

void TaskDatabase::Stop() {
  tasks_.Stop();
  queues_.Stop();
}

}  // namespace asya::server
