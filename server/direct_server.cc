#include "server/direct_server.h"

#include <algorithm>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "apiserver/access/authenticators.h"
#include "apiserver/access/oidc.h"
#include "apiserver/api_server.h"
#include "apiserver/secrets.h"
#include "apiserver/unique_queue.h"
#include "core/base/random.h"
#include "core/http/router.h"
#include "core/http/sealing_keys.h"
#include "core/yaml/parse.h"
#include "reconcilers/events.h"
#include "server/ca_bundle.h"
#include "server/cluster_gateway.h"
#include "server/controller_options.h"
#include "server/controllers.h"
#include "server/decision_routes.h"
#include "server/delegation.h"
#include "server/housekeeping.h"
#include "server/installation.h"
#include "server/metrics_page.h"
#include "server/object_database.h"
#include "server/render_aggregation.h"
#include "server/secret_store.h"
#include "server/server_file.h"
#include "server/serving_secret.h"
#include "server/upkeep.h"
#include "server/watched_files.h"
#include "server/webhooks.h"

namespace asya::server {
namespace {

constexpr std::size_t kBodyBytes = 4U << 20U;  // the API answers 413 from 3 MiB on, with a Status
constexpr unsigned kIoThreadsMax = 4;          // handshakes are most of their work
constexpr std::size_t kApiThreads = 8;         // as many as connections to the database
constexpr std::chrono::milliseconds kStopGrace{5000};
constexpr const char* kNoKeys =
    "Secrets are kept encrypted here, and the server was started without --encryption-key-file";

}  // namespace

// In the order in which the parts are made; they are stopped and destroyed in reverse.
struct DirectServer::Parts {
  Parts(const ApiOptions& given, ApiFiles read, observe::Logger log)
      : options(given), files(std::move(read)), logger(std::move(log)), random(SystemSeed()) {}

  const ApiOptions options;
  const ApiFiles files;
  const observe::Logger logger;
  const Clock& clock = RealClock();
  Random random;
  observe::Metrics metrics;
  ServingCa serving_ca{files.serving_ca_pem};
  std::shared_ptr<apiserver::Current<apiserver::TokenFile>> tokens;
  std::shared_ptr<apiserver::Current<apiserver::Roles>> roles;
  std::shared_ptr<apiserver::OidcKeys> oidc_keys;  // null without an issuer
  std::unique_ptr<Delegation> delegation;          // null without a cluster
  apiserver::Authenticator authenticate;
  std::unique_ptr<ObjectDatabase> database;
  std::unique_ptr<Installation> installation;  // null without a cluster
  std::unique_ptr<CaBundle> ca_bundle;         // null where nobody has asked for it
  std::unique_ptr<ServingSecret> serving;      // null where a certificate was given
  std::unique_ptr<SecretStore> secrets;        // before the store of the database; null without keys
  std::unique_ptr<Housekeeping> housekeeping;
  std::unique_ptr<Upkeep> upkeep;
  std::unique_ptr<ClusterGateway> gateway;   // null where it was not asked for
  std::unique_ptr<Controllers> controllers;  // null where they were not asked for
  std::unique_ptr<Webhooks> webhooks;        // null where they were not asked for
  std::unique_ptr<apiserver::ApiServer> api;
  http::Router router;
  std::unique_ptr<http::Server> server;
  std::mutex tls_mutex;
  http::TlsIdentity identity;           // in use
  http::ClientAuthorities authorities;  // in use
  std::unique_ptr<WatchedFiles> watched;
  bool stopped = false;

  void PrepareAccess();
  Status OpenDatabase();
  Status OpenSecrets();
  [[nodiscard]] ports::ObjectStore& Objects() const { return secrets ? secrets->objects() : database->objects(); }
  Status StartApi();
  Status Listen();
  void MakeControllers();
  Status StartControllers();
  Status ReplaceTls(const std::optional<http::TlsIdentity>& next_identity,
                    const std::optional<http::ClientAuthorities>& next);
  void MakeServing();
  void WatchFiles();
  void WatchCertificates();
  void WatchUsers();
  void WatchKeys();
  void Stop();
};

void DirectServer::Parts::PrepareAccess() {
  if (!options.aggregated.empty()) {
    delegation = std::make_unique<Delegation>(files.cluster, Delegation::Parts{clock, logger.For("cluster"), metrics});
    authenticate = delegation->MakeAuthenticator();
    return;
  }
  tokens = std::make_shared<apiserver::Current<apiserver::TokenFile>>(files.tokens);
  roles = std::make_shared<apiserver::Current<apiserver::Roles>>(files.roles);
  std::vector<apiserver::Authenticator> all{apiserver::ByClientCertificate(clock), apiserver::ByTokenFile(tokens)};
  if (!options.oidc.issuer_url.empty()) {
    oidc_keys = std::make_shared<apiserver::OidcKeys>(options.oidc, logger.For("oidc"), metrics);
    oidc_keys->Start();
    all.push_back(apiserver::ByOidc(options.oidc, oidc_keys, clock, logger.For("oidc")));
  }
  authenticate = apiserver::FirstOf(std::move(all));
}

Status DirectServer::Parts::OpenDatabase() {
  const ObjectDatabase::Parts parts{clock, metrics, logger.For("store"), options.history};
  if (options.database_url.empty()) {
    ASYA_TRY(database, ObjectDatabase::OpenSqlite(options.database_file, parts));
  } else {
    ASYA_TRY(database, ObjectDatabase::OpenPostgreSql(options.database_url, parts));
  }
  if (delegation) {
    installation = std::make_unique<Installation>(
        delegation->client(), [this] { return database->InstallationId(); }, logger.For("installation"));
    installation->Start();
  }
  housekeeping = std::make_unique<Housekeeping>(
      Housekeeping::Parts{database->objects(), clock, logger.For("housekeeping"), metrics, delegation == nullptr});
  ASYA_TRY_STATUS(housekeeping->Start());
  if (options.reports_port) {
    ASYA_TRY(gateway, ClusterGateway::Open(options.database_url,
                                           {database->objects(), clock, random, logger.For("gateway"), metrics}));
  }
  Upkeep::Chores chores;
  chores.compact = [this] { return database->CompactOld(); };
  chores.drops = {{"history", [this](WallTime) { return database->DropOldHistory(); }},
                  {"events", [this](WallTime now) { return reconcilers::DropOldEvents(database->objects(), now); }}};
  if (gateway) std::ranges::move(gateway->Drops(), std::back_inserter(chores.drops));
  upkeep = std::make_unique<Upkeep>(std::move(chores), clock, logger.For("upkeep"), metrics);
  upkeep->Start();
  return Ok();
}

// Where one server has a file of its own, it keeps keys of its own beside it; several need the same ones.
Status DirectServer::Parts::OpenSecrets() {
  std::string keys = files.encryption_key_text;
  if (keys.empty() && !options.database_file.empty()) {
    ASYA_TRY(const std::string fresh, http::SealingKeys::NewLine());
    ASYA_TRY(keys, KeepSecret(options.database_file + ".key", fresh));
  }
  if (keys.empty()) return Ok();
  ASYA_TRY(secrets, SecretStore::Make(database->objects(), keys));
  return Ok();
}

Status DirectServer::Parts::StartApi() {
  apiserver::ApiServer::Parts parts{Objects(), clock, random, logger.For("apiserver"), &metrics, {}, {}, {}, {}};
  parts.parse_yaml = [](std::string_view text) { return yaml::Parse(text); };
  parts.authenticate = authenticate;
  apiserver::ApiServerSettings settings;
  if (delegation) {
    parts.authorize = delegation->MakeAuthorizer();
    parts.admission.push_back(delegation->MakeAdmission(database->objects()));
    parts.namespace_state = delegation->MakeNamespaces();
    parts.ready = [this]() -> Status {
      ASYA_TRY_STATUS(installation->Trusted());
      if (serving) ASYA_TRY_STATUS(serving->Ready());
      if (webhooks) ASYA_TRY_STATUS(webhooks->Ready());
      return delegation->Ready();
    };
    settings.own_group_alone = true;
  } else {
    parts.authorize = apiserver::ByRoles(roles);
    parts.rules_are_complete = true;
  }
  parts.admission.push_back(apiserver::UniqueQueue(
      database->objects(), clock, [this](const std::string& queue) { return housekeeping->QueueOwner(queue); }));
  if (controllers) parts.find_planner = [this] { return &controllers->planner(); };
  if (secrets == nullptr) parts.admission.push_back(apiserver::RefuseSecrets(kNoKeys));
  settings.threads = kApiThreads;
  settings.health_tells_why = false;
  api = std::make_unique<apiserver::ApiServer>(std::move(parts), settings);
  ASYA_TRY_STATUS(api->Start());
  router.Add("GET", "/metrics", [this](const http::Request& request, http::Responder responder) {
    if (!authenticate(request)) return responder.Send({401, "Unauthorized\n", "text/plain", {}});
    responder.Send({200, MetricsPage(metrics, controllers.get()), "text/plain; version=0.0.4", {}});
  });
  router.SetFallback(std::bind_front(&apiserver::ApiServer::Handle, api.get()));
  return Ok();
}

Status DirectServer::Parts::Listen() {
  http::ServerLimits limits;
  limits.body_bytes = gateway ? ClusterGateway::kTaskBodyBytes : kBodyBytes;
  limits.io_threads = std::clamp(std::thread::hardware_concurrency(), 1U, kIoThreadsMax);
  http::Listen listen;
  listen.tcp = {options.address, options.port};
  identity = files.identity;
  if (MakesOwnCertificate(options)) {
    // Nobody believes this one; it is there for health until the cluster has said which one is used.
    ASYA_TRY(identity, http::MakeSelfSigned("asya-server", 1));
  }
  authorities = {files.client_ca_pem};
  authorities.expected = delegation != nullptr;
  listen.tls = identity;
  listen.tls_only = true;
  listen.heads_first = true;
  listen.client_authorities = authorities;
  http::Handler handler = std::bind_front(&http::Router::Handle, &router);
  // What goes on with a body does so on a thread of the server, which must not wait for the cluster.
  handler = GuardBody(authenticate, handler, delegation ? delegation->Dispatch(handler) : handler);
  if (gateway) handler = gateway->Serve(authenticate, delegation->MakeTaskRights(), std::move(handler));
  if (delegation) handler = delegation->Dispatch(installation->Guard(std::move(handler)));
  if (options.webhooks) {
    webhooks = std::make_unique<Webhooks>(controllers->composer(),
                                          Webhooks::Parts{database->objects(), clock, logger.For("webhooks"), metrics});
    if (options.webhooks_port) {
      ASYA_TRY_STATUS(webhooks->Listen({options.webhooks_address, *options.webhooks_port}, identity));
    }
    webhooks->Start();
    handler = webhooks->Before(std::move(handler));
  }
  ASYA_TRY(server, http::Server::Create(std::move(listen), limits, std::move(handler), logger.For("http"), &metrics));
  if (gateway) {
    ASYA_TRY_STATUS(gateway->Listen(
        {options.reports_address, *options.reports_port}, identity,
        delegation->Dispatch(installation->Guard(gateway->ServeReports(delegation->MakeRelayAuthenticator())))));
  }
  if (delegation && (!options.serving_ca_file.empty() || MakesOwnCertificate(options))) {
    ca_bundle = std::make_unique<CaBundle>(delegation->client(), files.serving_ca_pem, logger.For("ca-bundle"),
                                           BundlePlaces(options.webhooks));
  }
  if (MakesOwnCertificate(options)) MakeServing();
  WatchFiles();
  if (delegation) {
    delegation->Start([this](const http::ClientAuthorities& next) { return ReplaceTls(std::nullopt, next); });
  }
  if (serving) serving->Start();
  if (ca_bundle) ca_bundle->Start();
  server->Start();
  if (gateway) gateway->Start();
  return Ok();
}

// Identity and authorities change at different times and by different threads.
Status DirectServer::Parts::ReplaceTls(const std::optional<http::TlsIdentity>& next_identity,
                                       const std::optional<http::ClientAuthorities>& next) {
  const std::lock_guard lock(tls_mutex);
  http::TlsIdentity used_identity = next_identity.value_or(identity);
  http::ClientAuthorities used = next.value_or(authorities);
  ASYA_TRY_STATUS(server->ReplaceTls(used_identity, used));
  if (gateway) ASYA_TRY_STATUS(gateway->ReplaceTls(used_identity));
  if (webhooks) ASYA_TRY_STATUS(webhooks->ReplaceTls(used_identity));
  identity = std::move(used_identity);
  authorities = std::move(used);
  if (controllers && next_identity) controllers->UseIdentity(identity);
  return Ok();
}

void DirectServer::Parts::MakeServing() {
  serving = std::make_unique<ServingSecret>(
      ServingSecret::Parts{delegation->client(), clock, logger.For("serving"),
                           options.service + "." + delegation->client().endpoint().namespace_ + ".svc",
                           [this](const std::string& pem) { return ca_bundle->InPlace(pem); },
                           [this](const Serving& now) -> Status {
                             ca_bundle->Replace(now.Bundle());
                             ASYA_TRY_STATUS(ReplaceTls(now.identity, std::nullopt));
                             serving_ca.Use(now.Bundle());
                             return Ok();
                           }});
}

void DirectServer::Parts::WatchFiles() {
  watched = std::make_unique<WatchedFiles>(logger.For("files"), metrics);
  if (!MakesOwnCertificate(options)) WatchCertificates();
  WatchUsers();
  WatchKeys();
  watched->Start();
}

void DirectServer::Parts::WatchCertificates() {
  std::vector<std::string> paths{options.tls_cert_file, options.tls_private_key_file};
  std::vector<std::string> texts{files.identity.certificate_pem, files.identity.key_pem};
  if (options.tls_cert_file.empty()) paths = {options.cert_dir + "/apiserver.crt", options.cert_dir + "/apiserver.key"};
  if (!options.client_ca_file.empty()) {
    paths.push_back(options.client_ca_file);
    texts.push_back(files.client_ca_pem);
  }
  watched->Add("certificates", paths, texts, [this](const std::vector<std::string>& now) -> Status {
    // As it is for a moment while somebody writes it.
    if (now.size() > 2 && now[2].empty()) return Invalid("", kEmptyCa);
    std::optional<http::ClientAuthorities> authorities_now;
    if (now.size() > 2) authorities_now = http::ClientAuthorities{now[2]};
    return ReplaceTls(http::TlsIdentity{now[0], now[1]}, authorities_now);
  });
  if (!options.serving_ca_file.empty()) {
    watched->Add("serving CA", {options.serving_ca_file}, {files.serving_ca_pem},
                 [this](const std::vector<std::string>& now) -> Status {
                   ASYA_TRY_STATUS(CheckServingCa(now[0]));
                   ca_bundle->Replace(now[0]);
                   serving_ca.Use(now[0]);
                   return Ok();
                 });
  }
}

void DirectServer::Parts::WatchKeys() {
  if (options.encryption_key_file.empty()) return;
  watched->Add("encryption keys", {options.encryption_key_file}, {files.encryption_key_text},
               [this](const std::vector<std::string>& now) { return secrets->ReplaceKeys(now[0]); });
}

void DirectServer::Parts::WatchUsers() {
  if (!options.token_auth_file.empty()) {
    watched->Add("tokens", {options.token_auth_file}, {files.token_text},
                 [this](const std::vector<std::string>& now) -> Status {
                   ASYA_TRY(apiserver::TokenFile next, apiserver::TokenFile::Parse(now[0]));
                   tokens->Put(std::move(next));
                   return Ok();
                 });
  }
  if (!options.roles_file.empty()) {
    watched->Add("roles", {options.roles_file}, {files.roles_text},
                 [this](const std::vector<std::string>& now) -> Status {
                   ASYA_TRY(apiserver::Roles next, ParseRolesText(now[0]));
                   roles->Put(std::move(next));
                   return Ok();
                 });
  }
}

void DirectServer::Parts::MakeControllers() {
  if (!options.controllers) return;
  const auto trusted = [this] { return installation->Trusted(); };
  Controllers::Parts parts{trusted, files.cluster, database->objects(), clock, logger.For("controllers"), metrics};
  if (gateway || TellsKedaTheCa(options)) parts.serving_ca = [this] { return serving_ca.Pem(); };
  if (gateway) gateway->JoinTo(parts);
  if (options.webhooks) parts.would_inject = [this](const json::Value& pod) { return webhooks->WouldInject(pod); };
  controllers = std::make_unique<Controllers>(MakeControllerOptions(options, files), parts);
  AddDecisionRoutes(router, controllers->decisions(), controllers->autoscalers(), authenticate,
                    delegation->MakeAuthorizer());
}

Status DirectServer::Parts::StartControllers() {
  if (!options.controllers) return Ok();
  {
    const std::lock_guard lock(tls_mutex);
    controllers->UseIdentity(identity);
  }
  return controllers->Start();
}

void DirectServer::Parts::Stop() {
  if (std::exchange(stopped, true)) return;
  // What it does is seen through the API until then.
  if (controllers) controllers->Stop();
  if (watched) watched->Stop();
  // Watches end cleanly before their connections do.
  if (api) api->Stop();
  if (server) server->Stop(kStopGrace);
  if (webhooks) webhooks->Stop();
  if (gateway) gateway->StopListening(kStopGrace);
  if (delegation) delegation->Stop();
  if (serving) serving->Stop();
  if (ca_bundle) ca_bundle->Stop();
  if (installation) installation->Stop();
  if (oidc_keys) oidc_keys->Stop();
  if (upkeep) upkeep->Stop();
  if (housekeeping) housekeeping->Stop();
  if (gateway) gateway->Stop();
  if (database) database->Stop();
}

DirectServer::DirectServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
DirectServer::~DirectServer() { Stop(); }
void DirectServer::Stop() { parts_->Stop(); }
std::string DirectServer::address() const { return parts_->server->address(); }

Result<std::unique_ptr<DirectServer>> DirectServer::Start(const ApiOptions& options, ApiFiles files,
                                                          const observe::Logger& logger) {
  std::unique_ptr<DirectServer> server(new DirectServer(std::make_unique<Parts>(options, std::move(files), logger)));
  Parts& parts = *server->parts_;
  parts.PrepareAccess();
  ASYA_TRY_STATUS(parts.OpenDatabase());
  ASYA_TRY_STATUS(parts.OpenSecrets());
  parts.MakeControllers();
  ASYA_TRY_STATUS(parts.StartApi());
  ASYA_TRY_STATUS(parts.Listen());
  ASYA_TRY_STATUS(parts.StartControllers());
  logger.Info("serving", {{"address", server->address()}});
  return server;
}

}  // namespace asya::server
