#include "server/cluster_gateway.h"

#include <utility>

#include "gateway/refuse_first_message.h"
#include "transports/postgres/tables.h"

namespace asya::server {
namespace {

constexpr const char* kAbandoned = "NamespaceDeleted";  // the type of the error
constexpr std::size_t kThreads = 8;
constexpr std::size_t kWaitingRequests = 1024;
constexpr std::size_t kReportBodyBytes = 20U << 20U;  // a dead letter of 16 MiB, the most of any queue, and more

}  // namespace

gateway::Deps ClusterGateway::MakeDeps() {
  gateway::Deps deps{database_->tasks(), parts_.objects, hub_, cancels_, executor_, parts_.clock, parts_.logger};
  deps.metrics = gateway::GatewayMetrics(parts_.metrics);
  deps.entry_has_to_be_stored = true;
  deps.speaks_for = ReporterNamespace;
  deps.hand_on_fly = [this](std::vector<ports::FlyEvent> events) { fly_->Send(std::move(events)); };
  // What its broker does not take is told when it is sent on.
  deps.first_message_bytes = [](const std::string& queue) {
    return ports::OrdinaryLimitBytes(transports::postgres::kMessageBytesMax) - Outbox::Wrap(queue, "").size();
  };
  deps.on_load = [this](const http::Request& request, std::int64_t in_flight) {
    const std::string pod = ReporterPod(request);
    const std::lock_guard lock(load_mutex_);
    if (on_load_ && !pod.empty()) on_load_(ReporterNamespace(request), pod, in_flight);
  };
  return deps;
}

ClusterGateway::ClusterGateway(std::unique_ptr<TaskDatabase> database, const Parts& parts)
    : parts_(parts),
      database_(std::move(database)),
      executor_(kThreads, kWaitingRequests),
      hub_(executor_, parts.clock, gateway::GatewayMetrics(parts.metrics)),
      fly_(database_->NewFlyExchange(parts.metrics,
                                     {[this](const std::string& task_id) { return hub_.IsFollowed(task_id); },
                                      [this](const ports::FlyEvent& event) { hub_.Fly(event); }})),
      cancel_follower_({database_->tasks(), cancels_, parts.clock, parts.logger}),
      deps_(MakeDeps()),
      reaper_(database_->tasks(), parts.clock, parts.logger) {
  executor_.Start();
  hub_.Start();
  fly_->Start();
  changes_ = database_->tasks().Subscribe([this](const ports::TaskChange& change) {
    hub_.Changed(change);
    cancel_follower_.Changed();
  });
  cancel_follower_.Start();
  gateway::AddExternalRoutes(external_, deps_, gateway::Limits{});
  gateway::AddInternalRoutes(internal_, deps_, gateway::Limits{});
  reaper_.Start();
}

ClusterGateway::~ClusterGateway() { Stop(); }

Result<std::unique_ptr<ClusterGateway>> ClusterGateway::Open(const std::string& url, const Parts& parts) {
  ASYA_TRY(auto database, TaskDatabase::Open(url, parts.clock, parts.random));
  return std::unique_ptr<ClusterGateway>(new ClusterGateway(std::move(database), parts));
}

http::Handler ClusterGateway::Serve(apiserver::Authenticator authenticate, TaskRights rights, http::Handler next) {
  return gateway::WithGroupPaths(GuardTasks(std::move(authenticate), std::move(rights), database_->tasks(),
                                            http::WithBody([this](http::Request request, http::Responder responder) {
                                              external_.Handle(std::move(request), std::move(responder));
                                            }),
                                            std::move(next)));
}

http::Handler ClusterGateway::ServeReports(apiserver::Authenticator authenticate) const {
  return GuardReports(std::move(authenticate), http::WithBody([this](http::Request request, http::Responder responder) {
                        internal_.Handle(std::move(request), std::move(responder));
                      }));
}

Status ClusterGateway::Listen(std::pair<std::string, std::uint16_t> place, const http::TlsIdentity& identity,
                              http::Handler reports) {
  http::ServerLimits limits;
  limits.body_bytes = kReportBodyBytes;
  http::Listen listen;
  listen.tcp = std::move(place);
  listen.tls = identity;
  listen.tls_only = true;
  listen.heads_first = true;
  auto created = http::Server::Create(std::move(listen), limits, std::move(reports), parts_.logger, nullptr);
  if (!created.ok()) return created.error();
  reports_ = std::move(created).value();
  return Ok();
}

void ClusterGateway::StopListening(std::chrono::milliseconds grace) {
  if (reports_) reports_->Stop(grace);
}

void ClusterGateway::JoinTo(Controllers::Parts& controllers) {
  controllers.takes_reports = true;
  controllers.leads = [this](QueueDirectory& queues) { BeginSending(queues); };
  controllers.yields = [this] { EndSending(); };
  controllers.keep_letter = [this](const std::string& body, const ports::AbandonedWork& work) {
    return gateway::RefuseEnvelope(body, {work.namespace_, work.actor, kAbandoned, work.message}, database_->tasks(),
                                   parts_.clock);
  };
  controllers.tell_loads = [this](Controllers::OnLoad on_load) {
    const std::lock_guard lock(load_mutex_);
    on_load_ = std::move(on_load);
  };
}

std::vector<Upkeep::Drop> ClusterGateway::Drops() {
  return {{"tasks", [this](WallTime now) { return database_->DropOldTasks(now); }},
          {"dead_letters", [this](WallTime now) { return database_->DropOldDeadLetters(now); }}};
}

void ClusterGateway::BeginSending(QueueDirectory& queues) {
  EndSending();
  outbox_ = std::make_unique<Outbox>(
      [&queues](const std::vector<ports::Outgoing>& messages, std::chrono::milliseconds timeout) {
        return queues.PublishRemote(messages, timeout);
      },
      [this](const std::string& envelope, const Error& error) {
        return gateway::RefuseFirstMessage(envelope, error, database_->tasks(), parts_.clock);
      },
      database_->NewOutboxConsumer(), parts_.logger);
  // The database was opened with the queue in it, and the consumer finds its own way back to a database that is away.
  outbox_->Start();
}

void ClusterGateway::EndSending() { outbox_.reset(); }

void ClusterGateway::Stop() {
  if (std::exchange(stopped_, true)) return;
  EndSending();
  reaper_.Stop();
  changes_.reset();
  cancel_follower_.Stop();
  fly_->Stop();
  hub_.Stop();
  executor_.Stop();
  database_->Stop();
}

}  // namespace asya::server
