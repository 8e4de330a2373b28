#include "transports/sqlite/broker.h"

#include <future>
#include <utility>

#include "transports/sqlite/ledger.h"
#include "transports/sqlite/mailbox.h"
#include "transports/sqlite/own_consumer.h"
#include "transports/sqlite/reactor.h"
#include "transports/sqlite/wire.h"

namespace asya::transports::sqlite {
namespace {

constexpr std::chrono::seconds kStatsPatience{5};

}  // namespace

std::vector<sql::sqlite::Migration> Migrations() { return LedgerMigrations(); }

// Jobs hold what they use by shared pointers: a publish whose caller stopped waiting may run after the broker has gone.
class Broker::Inside final : public ports::QueueAdmin, public ports::Publisher {
 public:
  Inside(sql::sqlite::Database& database, const BrokerSettings& settings, const Clock& clock)
      : database_(database),
        settings_(settings),
        shared_(std::make_shared<Shared>(Shared{{}, std::make_shared<Ledger>(), std::make_shared<Mailbox>(), clock})),
        reactor_(database, shared_->ledger, shared_->mailbox, settings, clock) {
    shared_->reactor = &reactor_;
  }

  Status Start();
  void Stop() { reactor_.Stop(); }
  Status Enqueue(sql::sqlite::Transaction& transaction, const std::string& queue, std::string_view body) {
    ASYA_TRY_STATUS(CheckSize(queue, body.size(), ports::OrdinaryLimitBytes(settings_.message_limit_bytes)));
    return Place(*shared_, transaction, queue, body);
  }

  std::unique_ptr<ports::MessageQueue> NewConsumer(const std::string& queue) {
    return std::make_unique<OwnConsumer>(shared_->mailbox, reactor_, queue, settings_.message_limit_bytes);
  }

  Status Ensure(const ports::QueueSpec& spec) override;
  Status Remove(const std::string& name, bool force) override;
  Result<ports::QueueStats> Stats(const std::string& name) override;
  Result<std::vector<std::string>> List() override;
  using AllQueues = std::vector<std::pair<std::string, ports::QueueStats>>;
  Result<AllQueues> AllStats(std::size_t limit);
  std::shared_ptr<void> SubscribeHints(std::function<void(const std::string&)> on_work) override {
    return reactor_.SubscribeHints(std::move(on_work));
  }
  Status Publish(const std::vector<ports::Outgoing>& messages, std::chrono::milliseconds timeout) override;

 private:
  struct Shared {
    Reactor* reactor = nullptr;  // only named in letters, which the mailbox drops once the reactor has ended
    std::shared_ptr<Ledger> ledger;
    std::shared_ptr<Mailbox> mailbox;
    const Clock& clock;
    bool loaded = false;  // on the writer thread: from here on the reactor is told of each change
  };

  // What `read` gives on the reactor's thread.
  template <class T>
  Result<T> Ask(std::function<Result<T>(Reactor&)> read);
  static Status Place(const Shared& shared, sql::sqlite::Transaction& transaction, const std::string& queue,
                      std::string_view body);

  sql::sqlite::Database& database_;
  const BrokerSettings settings_;
  std::shared_ptr<Shared> shared_;
  Reactor reactor_;
};

Status Broker::Inside::Start() {
  ASYA_TRY_STATUS(shared_->mailbox->Open());
  std::vector<StoredQueue> queues;
  ASYA_TRY_STATUS(database_.Write([&](sql::sqlite::Transaction& transaction) -> Status {
    ASYA_TRY(queues, shared_->ledger->Load(transaction));
    shared_->loaded = true;
    return Ok();
  }));
  return reactor_.Start(queues);
}

Status Broker::Inside::Place(const Shared& shared, sql::sqlite::Transaction& transaction, const std::string& queue,
                             std::string_view body) {
  ASYA_TRY(const QueueId id, shared.ledger->Find(transaction, queue));
  const std::int64_t now_us = shared.clock.Now().time_since_epoch().count();
  ASYA_TRY(const Placed placed, shared.ledger->Insert(transaction, id, body, now_us));
  if (!shared.loaded) return Ok();
  // Shared, since a letter can be copied; whoever reads it takes the body.
  const auto kept = std::make_shared<std::string>(body);
  transaction.AfterCommit([placed, kept, reactor = shared.reactor, mailbox = shared.mailbox] {
    mailbox->Post([placed, kept, reactor] { reactor->OnArrival(placed, std::move(*kept)); });
  });
  return Ok();
}

Status Broker::Inside::Ensure(const ports::QueueSpec& spec) {
  if (spec.name.empty() || spec.name.size() > kQueueNameBytesMax) {
    return Invalid("name", "a queue's name has 1 to 255 bytes");
  }
  return database_.Write([this, &spec](sql::sqlite::Transaction& transaction) -> Status {
    ASYA_TRY(const Ledger::Ensured ensured, shared_->ledger->Ensure(transaction, spec));
    if (!ensured.made || !shared_->loaded) return Ok();
    transaction.AfterCommit([shared = shared_, id = ensured.id, name = spec.name] {
      shared->mailbox->Post([reactor = shared->reactor, id, name] { reactor->OnQueueMade(id, name); });
    });
    return Ok();
  });
}

Status Broker::Inside::Remove(const std::string& name, bool force) {
  return database_.Write([this, &name, force](sql::sqlite::Transaction& transaction) -> Status {
    ASYA_TRY(const QueueId id, shared_->ledger->Remove(transaction, name, force));
    if (id == QueueId(0) || !shared_->loaded) return Ok();
    transaction.AfterCommit([shared = shared_, id] {
      shared->mailbox->Post([reactor = shared->reactor, id] { reactor->OnQueueRemoved(id); });
    });
    return Ok();
  });
}

Result<ports::QueueStats> Broker::Inside::Stats(const std::string& name) {
  return Ask<ports::QueueStats>([name](Reactor& reactor) { return reactor.Stats(name); });
}

Result<Broker::Inside::AllQueues> Broker::Inside::AllStats(std::size_t limit) {
  return Ask<AllQueues>([limit](Reactor& reactor) { return Result<AllQueues>(reactor.AllStats(limit)); });
}

template <class T>
Result<T> Broker::Inside::Ask(std::function<Result<T>(Reactor&)> read) {
  auto answer = std::make_shared<std::promise<Result<T>>>();
  auto coming = answer->get_future();
  const bool posted = shared_->mailbox->Post(
      [answer, read = std::move(read), reactor = &reactor_] { answer->set_value(read(*reactor)); });
  if (!posted) return Fail(ErrorCode::kClosed, "the broker is not running");
  if (coming.wait_for(kStatsPatience) != std::future_status::ready) {
    return Fail(ErrorCode::kTimeout, "the broker did not answer");
  }
  return coming.get();
}

Result<std::vector<std::string>> Broker::Inside::List() {
  std::vector<std::string> names;
  ASYA_TRY_STATUS(database_.Read([&](sql::sqlite::Transaction& transaction) -> Status {
    ASYA_TRY(auto* const rows, transaction.Prepare("SELECT name FROM queues ORDER BY name"));
    for (;;) {
      ASYA_TRY(const bool row, rows->Step());
      if (!row) return Ok();
      names.push_back(rows->Text(0));
    }
  }));
  return names;
}

Status Broker::Inside::Publish(const std::vector<ports::Outgoing>& messages, std::chrono::milliseconds timeout) {
  for (const auto& message : messages) ASYA_TRY_STATUS(CheckSize(message, settings_.message_limit_bytes));
  auto job = [shared = shared_, messages](sql::sqlite::Transaction& transaction) -> Status {
    for (const auto& message : messages) {
      ASYA_TRY_STATUS(Place(*shared, transaction, message.queue, message.body));
    }
    return Ok();
  };
  auto answer = std::make_shared<std::promise<Status>>();
  auto coming = answer->get_future();
  ASYA_TRY_STATUS(database_.Submit(std::move(job), [answer](const Status& status) { answer->set_value(status); }));
  if (coming.wait_for(timeout) != std::future_status::ready) {
    return Fail(ErrorCode::kTimeout, "the publish was not confirmed in time; it may still happen");
  }
  return coming.get();
}

Broker::Broker(sql::sqlite::Database& database, const BrokerSettings& settings, const Clock& clock)
    : inside_(std::make_shared<Inside>(database, settings, clock)) {}
Broker::~Broker() { Stop(); }
Status Broker::Start() { return inside_->Start(); }
void Broker::Stop() { inside_->Stop(); }
ports::QueueAdmin& Broker::Admin() { return *inside_; }
ports::Publisher& Broker::Publisher() { return *inside_; }
std::unique_ptr<ports::MessageQueue> Broker::NewConsumer(const std::string& queue) {
  return inside_->NewConsumer(queue);
}
Result<std::vector<std::pair<std::string, ports::QueueStats>>> Broker::AllStats(std::size_t limit) {
  return inside_->AllStats(limit);
}
Status Broker::EnqueueInTransaction(sql::sqlite::Transaction& transaction, const std::string& queue,
                                    std::string_view body) {
  return inside_->Enqueue(transaction, queue, body);
}

}  // namespace asya::transports::sqlite
