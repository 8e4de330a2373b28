// Backend: where a local server keeps objects, tasks and queues: one SQLite file, or one PostgreSQL database.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/base/result.h"
#include "core/json/value.h"
#include "core/observe/log.h"
#include "core/observe/metrics.h"
#include "ports/message_queue.h"
#include "ports/object_store.h"
#include "ports/queue_admin.h"
#include "ports/task_store.h"
#include "storage/history_retention.h"

namespace asya::server {

class Backend {
 public:
  virtual ~Backend() = default;
  // Where the first message of a task goes: into its own queue, or into one from which it is sent on.
  using Route = std::function<ports::FirstMessage(const ports::FirstMessage& message)>;
  // Opens what is missing and starts serving; an error says what a person can do. Once.
  virtual Status Start(Route route) = 0;
  // Finishes what waits. Idempotent.
  virtual void Stop() = 0;

  // All of these only after Start.
  virtual ports::ObjectStore& objects() = 0;
  virtual ports::TaskStore& tasks() = 0;
  virtual ports::QueueAdmin& queues() = 0;
  // Of one of these queues, for the server itself.
  virtual std::unique_ptr<ports::MessageQueue> NewConsumer(const std::string& queue) = 0;
  // Of at most `limit` queues, those with messages first.
  virtual Result<std::vector<std::pair<std::string, ports::QueueStats>>> AllStats(std::size_t limit) = 0;
  // The largest body that its queues take.
  [[nodiscard]] virtual std::size_t MessageLimitBytes() const = 0;
  // Whether a whole Transport object means the queues of this backend.
  [[nodiscard]] virtual bool Serves(const json::Value& transport) const = 0;
  // Name and spec of the Transport that a new store begins with.
  [[nodiscard]] virtual std::string TransportName() const = 0;
  [[nodiscard]] virtual json::Value TransportSpec() const = 0;
  // What relays, and nobody else, get in their environment to reach the queues; may hold credentials.
  [[nodiscard]] virtual std::map<std::string, std::string> RelayEnvironment() const = 0;
  // Forget, about once a minute, what is kept no longer.
  virtual Status CompactOld() = 0;
  virtual Result<std::int64_t> DropOldHistory() = 0;
  virtual Result<std::int64_t> DropOldTasks(WallTime now) = 0;
  virtual Result<std::int64_t> DropOldDeadLetters(WallTime now) = 0;
};

// What every backend is given; all of it lives longer.
struct BackendParts {
  std::string broker_socket;  // where relays reach queues that are no server of their own
  const Clock& clock;
  Random& random;
  observe::Metrics& metrics;
  observe::Logger logger;
  storage::HistoryRetention history;  // what DropOldHistory leaves
};

struct SqliteBackendOptions {
  std::string file;  // made where it is missing; its folder exists
  std::size_t message_limit_bytes = 0;
};
std::unique_ptr<Backend> MakeSqliteBackend(SqliteBackendOptions options, const BackendParts& parts);

struct PostgresBackendOptions {
  std::string url;                               // libpq URI or connection string; may hold a password
  std::map<std::string, std::string> variables;  // PGPASSWORD, PGPASSFILE, … of this process, which relays need too
};
// One server at a time uses a database: a second one is refused, and one whose claim another has taken while it was
// cut off says so and ends the process.
std::unique_ptr<Backend> MakePostgresBackend(PostgresBackendOptions options, const BackendParts& parts);

}  // namespace asya::server
