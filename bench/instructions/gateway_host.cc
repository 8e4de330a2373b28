#include "bench/instructions/gateway_host.h"

#include <cstdio>
#include <utility>

#include "bench/support/connection.h"
#include "core/http/server.h"
#include "gateway/gateway.h"
#include "storage/sqlite/object_store.h"
#include "storage/sqlite/schema.h"
#include "storage/sqlite/task_store.h"
#include "transports/sqlite/broker.h"

namespace asya::bench {
namespace {

constexpr std::size_t kThreads = 8;
constexpr std::size_t kWaitingRequests = 1024;

void Check(const Status& status) {
  if (!status.ok()) Die(status.error().message);
}

std::unique_ptr<sql::sqlite::Database> OpenDatabase(const std::string& folder) {
  auto migrations = storage::sqlite::Migrations();
  for (auto& migration : transports::sqlite::Migrations()) migrations.push_back(std::move(migration));
  sql::sqlite::Settings settings;
  settings.path = folder + "/asya.db";
  return sql::sqlite::Database::Open(settings, migrations).value();
}

std::unique_ptr<http::Server> Listen(const http::Router& router, observe::Metrics& metrics) {
  http::Listen listen;
  listen.tcp = {"127.0.0.1", 0};
  auto server = http::Server::Create(
                    listen, http::ServerLimits{},
                    [&router](http::Request request, http::Responder responder) {
                      router.Handle(std::move(request), std::move(responder));
                    },
                    observe::Logger::Silent(), &metrics)
                    .value();
  server->Start();
  return server;
}

void UntilInputEnds() {
  while (std::getchar() != EOF) {
  }
}

}  // namespace

int ServeGateway(const std::string& folder) {
  const auto database = OpenDatabase(folder);
  transports::sqlite::BrokerSettings settings;
  settings.socket_path = folder + "/broker.sock";
  transports::sqlite::Broker broker(*database, settings, RealClock());
  Check(broker.Start());
  Check(broker.Admin().Ensure({"asya-default-first", "bench"}));
  storage::sqlite::ObjectStore objects(*database, RealClock());
  Check(objects.Start());
  storage::sqlite::TaskStore tasks(
      *database, RealClock(), [&broker](sql::sqlite::Transaction& transaction, const ports::FirstMessage& message) {
        return broker.EnqueueInTransaction(transaction, message.queue, message.body);
      });
  Check(tasks.Start());
  Executor executor(kThreads, kWaitingRequests);
  executor.Start();
  observe::Metrics metrics;
  gateway::TaskHub hub(executor, RealClock(), gateway::GatewayMetrics(metrics));
  hub.Start();
  auto changes = tasks.Subscribe([&hub](const ports::TaskChange& change) { hub.Changed(change); });
  gateway::CancelFeed cancels;
  const auto everybody_is_there = [](const std::string&) { return gateway::Intake::kOpen; };
  const gateway::Deps deps{tasks,
                           objects,
                           hub,
                           cancels,
                           executor,
                           RealClock(),
                           observe::Logger::Silent(),
                           everybody_is_there,
                           gateway::GatewayMetrics(metrics)};
  http::Router external;
  http::Router internal;
  gateway::AddExternalRoutes(external, deps, gateway::Limits{});
  gateway::AddInternalRoutes(internal, deps, gateway::Limits{});
  const auto outside = Listen(external, metrics);
  const auto inside = Listen(internal, metrics);
  std::printf("%s %s\n", outside->address().c_str(), inside->address().c_str());
  std::fflush(stdout);
  UntilInputEnds();
  outside->Stop(std::chrono::milliseconds(100));
  inside->Stop(std::chrono::milliseconds(100));
  changes.reset();
  hub.Stop();
  executor.Stop();
  broker.Stop();
  objects.Stop();
  database->Stop();
  return 0;
}

}  // namespace asya::bench
