// Backend: the broker and the queues of one measurement, and what a relay is told to reach them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "core/base/result.h"
#include "ports/message_queue.h"
#include "ports/queue_admin.h"

namespace asya::bench {

constexpr const char* kNamespace = "bench";
constexpr const char* kActor = "echo";
constexpr const char* kNextActor = "next";

class Backend {
 public:
  virtual ~Backend() = default;
  virtual ports::QueueAdmin& admin() = 0;
  virtual ports::Publisher& publisher() = 0;
  // The relay's program in the folder of the programs, and what its environment has beside what all relays are told.
  [[nodiscard]] virtual std::string program() const = 0;
  [[nodiscard]] virtual std::map<std::string, std::string> environment() const = 0;
  // Messages that have come into the next queue since the start; nobody takes them out.
  virtual std::int64_t passed() = 0;
  // Write transactions so far; 0 where the broker has none.
  virtual std::int64_t commits() { return 0; }
};

// `folder` is empty and lives longer.
using OpenBackend = std::function<Result<std::unique_ptr<Backend>>(const std::string& folder)>;

OpenBackend OnSqlite();
OpenBackend OnPostgres(const std::string& dsn);

enum class QueueKind { kClassic, kQuorum };
// `relay_port`: where relays and raw clients reach the broker; empty: where it is.
OpenBackend OnRabbitmq(const std::string& url, QueueKind kind, const std::string& relay_port = "");

}  // namespace asya::bench
