#include "server/local_server.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include "apiserver/api_server.h"
#include "apiserver/secrets.h"
#include "apiserver/unique_queue.h"
#include "cluster/local/local_cluster.h"
#include "compositions/actor_composer.h"
#include "compositions/crew.h"
#include "core/base/executor.h"
#include "core/base/random.h"
#include "core/http/server.h"
#include "core/observe/metrics.h"
#include "core/otlp/span_exporter.h"
#include "core/yaml/parse.h"
#include "gateway/gateway.h"
#include "gateway/reaper.h"
#include "gateway/refuse_first_message.h"
#include "reconcilers/actor_planner.h"
#include "reconcilers/events.h"
#include "reconcilers/reconcilers.h"
#include "scaling/scaler.h"
#include "server/access.h"
#include "server/backend.h"
#include "server/bootstrap.h"
#include "server/claim_sweep.h"
#include "server/claims.h"
#include "server/decision_routes.h"
#include "server/history_options.h"
#include "server/metrics_page.h"
#include "server/outbox.h"
#include "server/queue_directory.h"
#include "server/server_file.h"
#include "server/upkeep.h"

namespace asya::server {
namespace {

constexpr std::size_t kGatewayThreads = 4;  // each keeps memory, and two cores are a laptop's share
constexpr std::size_t kGatewayWaitingRequests = 1024;
constexpr std::size_t kTaskBodyBytes = 12U << 20U;
constexpr std::size_t kReportBodyBytes = 20U << 20U;  // a dead letter of 16 MiB, the most of any queue, and more
constexpr int kCertificateDays = 3650;
constexpr std::chrono::milliseconds kStopGrace{1000};

Status MakeFolder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return Fail(ErrorCode::kUnavailable, "cannot make " + path + ": " + error.message());
  ::chmod(path.c_str(), 0700);
  return Ok();
}

cluster::local::LocalSettings ClusterSettings(const LocalOptions& options, const Environment& environment) {
  cluster::local::LocalSettings settings;
  settings.run_dir = options.run_dir + "/pods";
  settings.log_dir = options.state + "/logs";
  settings.relay_path = options.relay_program;
  settings.runtime_path = options.runtime_archive;
  settings.python = options.python;
  settings.source_dir = options.project;
  settings.source_python = options.project_python;
  settings.environment = environment.passed_on;
  settings.values = {options.state, environment.own};
  settings.environment["PYTHONPATH"] = options.crew_dir;
  settings.environment["PYTHONDONTWRITEBYTECODE"] = "1";
  return settings;
}

compositions::Settings ComposerSettings(const std::string& broker_socket, const std::string& internal_socket,
                                        const ClaimOptions& claims) {
  compositions::Settings settings;
  settings.relay_environment = claims.relay_environment;
  settings.sqlite_socket = broker_socket;
  settings.gateway_url = "unix:" + internal_socket;
  settings.runtime_hash = "local";
  return settings;
}

std::unique_ptr<Backend> MakeBackend(const LocalOptions& options, const Environment& environment,
                                     const BackendParts& parts) {
  const auto url = environment.own.find(kDatabaseVariable);
  if (url == environment.own.end() || url->second.empty()) {
    return MakeSqliteBackend({options.state + "/asya.db", kTaskBodyBytes}, parts);
  }
  PostgresBackendOptions postgres{url->second, {}};
  // https://www.postgresql.org/docs/15/libpq-envars.html
  for (const auto& [name, value] : environment.own) {
    if (name.starts_with("PG")) postgres.variables[name] = value;
  }
  return MakePostgresBackend(std::move(postgres), parts);
}

Upkeep::Chores ChoresOf(Backend& backend) {
  return {[&backend] { return backend.CompactOld(); },
          {{"history", [&backend](WallTime) { return backend.DropOldHistory(); }},
           {"events", [&backend](WallTime now) { return reconcilers::DropOldEvents(backend.objects(), now); }},
           {"tasks", [&backend](WallTime now) { return backend.DropOldTasks(now); }},
           {"dead_letters", [&backend](WallTime now) { return backend.DropOldDeadLetters(now); }}}};
}

compositions::CrewOptions CrewOptions(const LocalOptions& options) {
  compositions::CrewOptions crew;
  crew.source_dir = options.crew_dir;
  crew.python = options.python;
  // As soon as the examples' own actors, so that a person sees everything return to zero.
  crew.cooldown_seconds = 3;
  return crew;
}

}  // namespace

// In the order in which the parts are made; they are stopped and destroyed in reverse.
struct LocalServer::Parts {
  Parts(const LocalOptions& given, observe::Logger log)
      : options(given),
        logger(std::move(log)),
        random(SystemSeed()),
        broker_socket(options.run_dir + "/broker.sock"),
        internal_socket(options.run_dir + "/gateway.sock") {}

  const LocalOptions options;
  const observe::Logger logger;
  const Clock& clock = RealClock();
  Random random;
  observe::Metrics metrics;
  otlp::SpanQueue spans{metrics, "asya"};
  std::unique_ptr<otlp::SpanExporter> exporter;
  const std::string broker_socket;
  const std::string internal_socket;
  std::unique_ptr<QueueDirectory> queues;
  std::unique_ptr<Backend> backend;
  std::unique_ptr<Outbox> outbox;
  ClaimOptions claim_options;
  std::unique_ptr<ports::ClaimStore> claims;
  std::unique_ptr<cluster::local::LocalCluster> cluster;
  std::unique_ptr<scaling::ReplicaScaler> scaler;
  std::unique_ptr<compositions::ActorComposer> composer;
  std::unique_ptr<reconcilers::ActorPlanner> planner;
  std::unique_ptr<reconcilers::Reconcilers> reconcilers;
  std::unique_ptr<Executor> executor;
  std::unique_ptr<gateway::TaskHub> hub;
  gateway::CancelFeed cancels;
  std::shared_ptr<void> task_changes;
  std::optional<gateway::Deps> gateway_deps;
  std::unique_ptr<gateway::Reaper> reaper;
  std::unique_ptr<Upkeep> upkeep;
  std::unique_ptr<ClaimSweep> claim_sweep;
  std::unique_ptr<apiserver::ApiServer> api;
  http::Router external;
  http::Router internal;
  std::unique_ptr<http::Server> internal_server;
  std::unique_ptr<http::Server> external_server;
  bool stopped = false;

  Status OpenStores(const Environment& environment);
  Status StartCluster(const Environment& environment);
  Status StartGateway(const Environment& environment);
  Status StartApi();
  [[nodiscard]] gateway::Intake IntakeOf(const std::string& queue) const;
  [[nodiscard]] std::size_t FirstMessageBytes(const std::string& queue) const;
  Status Listen();
  Status Announce(const http::TlsIdentity& identity, const std::string& token);
  void Stop();
};

Status LocalServer::Parts::OpenStores(const Environment& environment) {
  ASYA_TRY(claim_options, ReadClaimOptions(options.state, environment.own));
  ASYA_TRY(const auto history, ReadHistoryRetention(environment.own));
  ASYA_TRY(claims, OpenClaimStore(claim_options, metrics));
  queues = std::make_unique<QueueDirectory>(FromFiles({options.state, environment.own}), clock);
  backend = MakeBackend(options, environment, {broker_socket, clock, random, metrics, logger.For("store"), history});
  ASYA_TRY_STATUS(backend->Start([this](const ports::FirstMessage& message) -> ports::FirstMessage {
    if (!queues->IsRemote(message.queue)) return message;
    return {Outbox::kQueue, Outbox::Wrap(message.queue, message.body)};
  }));
  queues->Start(backend->queues(), [this](const json::Value& transport) { return backend->Serves(transport); });
  outbox = std::make_unique<Outbox>(
      [this](const auto& messages, auto timeout) { return queues->PublishRemote(messages, timeout); },
      [this](const std::string& envelope, const Error& error) {
        return gateway::RefuseFirstMessage(envelope, error, backend->tasks(), clock);
      },
      backend->NewConsumer(Outbox::kQueue), logger.For("outbox"));
  ASYA_TRY_STATUS(Outbox::MakeQueue(backend->queues()));
  outbox->Start();
  return Bootstrap(backend->objects(), clock, backend->TransportName(), backend->TransportSpec());
}

Status LocalServer::Parts::StartCluster(const Environment& environment) {
  cluster::local::LocalSettings pods = ClusterSettings(options, environment);
  pods.relay_environment = backend->RelayEnvironment();
  // The Secret that the Transport names stands for the same values.
  for (const auto& [name, value] : pods.relay_environment) pods.values.own[name] = value;
  pods.relay_environment.insert(claim_options.credentials.begin(), claim_options.credentials.end());
  // A model server on this machine is what an endpoint most often names here.
  pods.relay_environment["ASYA_ENDPOINT_ALLOW"] = "loopback";
  cluster = std::make_unique<cluster::local::LocalCluster>(std::move(pods), clock, logger.For("cluster"));
  ASYA_TRY_STATUS(cluster->Start());
  scaler = std::make_unique<scaling::ReplicaScaler>(scaling::ReplicaScaler::Deps{*queues, *cluster, clock, &metrics},
                                                    scaling::ScalerSettings{});
  scaler->Start();
  composer =
      std::make_unique<compositions::ActorComposer>(ComposerSettings(broker_socket, internal_socket, claim_options));
  reconcilers::ReconcilerSettings settings;
  settings.metrics = &metrics;
  // Not marked as default, so that a manifest may mark its own.
  settings.default_transport =
      json::Object{{"metadata", json::Object{{"name", backend->TransportName()}}}, {"spec", backend->TransportSpec()}};
  settings.system_actors = [crew = CrewOptions(options)](const std::string& namespace_) {
    return compositions::SystemActors(namespace_, crew);
  };
  planner = std::make_unique<reconcilers::ActorPlanner>(
      reconcilers::ActorPlanner::Parts{backend->objects(), *cluster, *composer, *queues, clock}, settings);
  reconcilers = std::make_unique<reconcilers::Reconcilers>(
      reconcilers::World{backend->objects(), *cluster, *composer, *scaler, *queues, clock}, std::move(settings),
      logger.For("reconcilers"), SystemSeed());
  reconcilers->Start();
  return Ok();
}

Status LocalServer::Parts::StartGateway(const Environment& environment) {
  if (!environment.otlp_endpoint.empty() && environment.otlp_protocol == "grpc") {
    logger.Warning("no spans are sent", {{"reason", "OTEL_EXPORTER_OTLP_PROTOCOL is grpc; http is spoken here"}});
  } else if (!environment.otlp_endpoint.empty()) {
    exporter = std::make_unique<otlp::SpanExporter>(
        otlp::ExporterSettings{environment.otlp_endpoint, {{"service.name", "asya-server"}}}, spans,
        logger.For("otlp"));
    exporter->Start();
  }
  executor = std::make_unique<Executor>(kGatewayThreads, kGatewayWaitingRequests);
  executor->Start();
  hub = std::make_unique<gateway::TaskHub>(*executor, clock, gateway::GatewayMetrics(metrics));
  hub->Start();
  task_changes = backend->tasks().Subscribe([this](const ports::TaskChange& change) { hub->Changed(change); });
  gateway_deps.emplace(gateway::Deps{backend->tasks(), backend->objects(), *hub, cancels, *executor, clock,
                                     logger.For("gateway"),
                                     [this](const std::string& queue) { return IntakeOf(queue); },
                                     gateway::GatewayMetrics(metrics), exporter ? &spans : nullptr, claims.get(),
                                     [this](const std::string& queue) { return FirstMessageBytes(queue); }});
  gateway::AddExternalRoutes(external, *gateway_deps, gateway::Limits{});
  gateway::AddInternalRoutes(internal, *gateway_deps, gateway::Limits{});
  reaper = std::make_unique<gateway::Reaper>(backend->tasks(), clock, logger.For("reaper"));
  reaper->Start();
  upkeep = std::make_unique<Upkeep>(ChoresOf(*backend), clock, logger.For("upkeep"), metrics);
  upkeep->Start();
  if (claims) {
    claim_sweep = std::make_unique<ClaimSweep>(
        ClaimSweep::Parts{*claims, backend->tasks(), clock, logger.For("claims"), metrics}, claim_options);
    claim_sweep->Start();
  }
  return Ok();
}

// The task routes are served only after the reconcilers were made.
gateway::Intake LocalServer::Parts::IntakeOf(const std::string& queue) const {
  const auto owner = reconcilers->actors().ByQueue(queue);
  // Right after the start the index is still empty; who is missing then is told by the relay.
  if (!owner) return reconcilers->actors().Complete() ? gateway::Intake::kUnknown : gateway::Intake::kOpen;
  return owner->deleting ? gateway::Intake::kClosing : gateway::Intake::kOpen;
}

// One for another broker waits in the outbox, wrapped, and has to fit there too.
std::size_t LocalServer::Parts::FirstMessageBytes(const std::string& queue) const {
  std::size_t most = ports::OrdinaryLimitBytes(backend->MessageLimitBytes());
  if (const auto remote = queues->RemoteMessageLimitBytes(queue)) {
    most = std::min(most - Outbox::Wrap(queue, "").size(), ports::OrdinaryLimitBytes(*remote));
  }
  return claims ? std::min(most, claim_options.store.threshold_bytes) : most;
}

Status LocalServer::Parts::StartApi() {
  apiserver::ApiServer::Parts parts{
      backend->objects(), clock, random, logger.For("apiserver"), &metrics, {}, {}, {}, {}};
  // The token was checked by RequireToken before a request comes this far.
  parts.parse_yaml = [](std::string_view text) { return yaml::Parse(text); };
  parts.authenticate = [](const http::Request&) { return apiserver::User{"local", {"system:masters"}}; };
  parts.admission.push_back(apiserver::UniqueQueue(backend->objects(), clock, [this](const std::string& queue) {
    const auto owner = reconcilers->actors().ByQueue(queue);
    return owner ? std::optional(apiserver::QueueOwner{owner->key.namespace_, owner->key.name}) : std::nullopt;
  }));
  parts.find_planner = [this] { return planner.get(); };
  parts.admission.push_back(apiserver::RefuseSecrets("Secrets of this machine are files in .asya/local/secrets"));
  api = std::make_unique<apiserver::ApiServer>(std::move(parts), apiserver::ApiServerSettings{});
  ASYA_TRY_STATUS(api->Start());
  AddDecisionRoutes(external, *scaler);
  external.Add("GET", "/metrics", [this](const http::Request&, http::Responder responder) {
    // The queues are asked on another thread: a server's own does not wait for them.
    const auto waiting = std::make_shared<http::Responder>(std::move(responder));
    const bool taken = executor->Submit([this, waiting] {
      waiting->Send({200, MetricsPage(metrics, *backend, *scaler), "text/plain; version=0.0.4", {}});
    });
    if (!taken) waiting->Send({503, "busy\n", "text/plain", {}});
  });
  external.SetFallback([this](http::Request request, http::Responder responder) {
    api->Handle(std::move(request), std::move(responder));
  });
  return Ok();
}

Status LocalServer::Parts::Listen() {
  http::ServerLimits limits;
  limits.body_bytes = kReportBodyBytes;
  http::Listen inside;
  inside.unix_path = internal_socket;
  auto created = http::Server::Create(
      inside, limits,
      [this](http::Request request, http::Responder responder) {
        internal.Handle(std::move(request), std::move(responder));
      },
      logger.For("http"), nullptr);
  if (!created.ok()) return created.error();
  internal_server = std::move(created).value();
  internal_server->Start();

  ASYA_TRY(const http::TlsIdentity fresh, http::MakeSelfSigned("asya", kCertificateDays));
  http::TlsIdentity identity;
  ASYA_TRY(identity.key_pem, KeepSecret(options.state + "/tls.key", fresh.key_pem));
  ASYA_TRY(identity.certificate_pem, KeepSecret(options.state + "/tls.crt", fresh.certificate_pem));
  ASYA_TRY(const std::string token, KeepSecret(options.state + "/token", RandomHex(24)));
  limits.body_bytes = kTaskBodyBytes;
  http::Listen outside;
  outside.tcp = {"127.0.0.1", options.port};
  outside.tls = identity;
  http::Handler handler = gateway::WithGroupPaths(std::bind_front(&http::Router::Handle, &external));
  auto listening =
      http::Server::Create(outside, limits, RequireToken(token, std::move(handler)), logger.For("http"), &metrics);
  if (!listening.ok()) return listening.error();
  external_server = std::move(listening).value();
  external_server->Start();
  return Announce(identity, token);
}

Status LocalServer::Parts::Announce(const http::TlsIdentity& identity, const std::string& token) {
  ServerFile file;
  file.url = "http://" + external_server->address();
  file.tls_url = "https://" + external_server->address();
  file.ca_pem = identity.certificate_pem;
  file.token = token;
  file.pid = ::getpid();
  file.version = kServerVersion;
  logger.Info("serving", {{"address", external_server->address()}, {"project", options.project}});
  return WriteServerFile(options.state + "/server.json", file);
}

void LocalServer::Parts::Stop() {
  if (std::exchange(stopped, true)) return;
  // Watches end cleanly before their connections do.
  if (api) api->Stop();
  if (external_server) external_server->Stop(kStopGrace);
  if (reconcilers) reconcilers->Stop();
  if (scaler) scaler->Stop();
  // Relays finish what they run, and report it, while broker and gateway still take it.
  if (cluster) cluster->Stop();
  if (internal_server) internal_server->Stop(kStopGrace);
  if (claim_sweep) claim_sweep->Stop();
  if (upkeep) upkeep->Stop();
  if (reaper) reaper->Stop();
  task_changes.reset();
  if (hub) hub->Stop();
  if (executor) executor->Stop();
  if (outbox) outbox->Stop();
  if (queues) queues->Stop();
  if (exporter) exporter->Stop();
  if (backend) backend->Stop();
  ::unlink((options.state + "/server.json").c_str());
}

LocalServer::LocalServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

LocalServer::~LocalServer() { Stop(); }

void LocalServer::Stop() { parts_->Stop(); }

Result<std::unique_ptr<LocalServer>> LocalServer::Start(const LocalOptions& options, const Environment& environment,
                                                        const observe::Logger& logger) {
  ASYA_TRY_STATUS(MakeFolder(options.state));
  ASYA_TRY_STATUS(MakeFolder(options.state + "/logs"));
  ASYA_TRY_STATUS(MakeFolder(options.run_dir));
  ASYA_TRY_STATUS(MakeFolder(options.run_dir + "/pods"));
  auto server = std::unique_ptr<LocalServer>(new LocalServer(std::make_unique<Parts>(options, logger)));
  Parts& parts = *server->parts_;
  ASYA_TRY_STATUS(parts.OpenStores(environment));
  ASYA_TRY_STATUS(parts.StartGateway(environment));
  ASYA_TRY_STATUS(parts.StartCluster(environment));
  ASYA_TRY_STATUS(parts.StartApi());
  ASYA_TRY_STATUS(parts.Listen());
  return server;
}

}  // namespace asya::server
