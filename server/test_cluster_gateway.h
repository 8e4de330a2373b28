// ServerOfACluster: the gateway of one server, with its two ports, in front of a cluster that knows a few tokens. For
// tests of server/cluster_gateway only.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "cluster/kubernetes/test_cluster.h"
#include "core/http/client.h"
#include "core/http/test_server.h"
#include "core/json/parse.h"
#include "server/cluster_gateway.h"
#include "server/delegation.h"
#include "storage/memory/object_store.h"
#include "tests/support/postgres_schema.h"

namespace asya::server {

inline constexpr std::chrono::seconds kGatewayPatience{30};

// Answers as a cluster does in which the token "relay-of-NAMESPACE" is of a pod there, for the gateway alone, and any
// other but "nobody" is of the user of that name, who may do everything with tasks in namespaces `vision` and `audio`.
inline http::Response AnswerAsCluster(const http::Request& request) {
  using cluster::kubernetes::TestCluster;
  if (request.method == "GET") return TestCluster::Json(200, R"({"data":{"client-ca-file":"USERS"}})");
  const json::Value review = json::Parse(request.body).value();
  json::Object status;
  if (request.path.ends_with("tokenreviews")) {
    constexpr std::string_view kRelay = "relay-of-";
    const std::string token = review.FindPath({"spec", "token"})->AsString();
    const json::Value* audiences = review.FindPath({"spec", "audiences"});
    const bool is_relay = token.starts_with(kRelay);
    status["authenticated"] = token != "nobody" && is_relay == (audiences != nullptr);
    const std::string name = is_relay ? "system:serviceaccount:" + token.substr(kRelay.size()) + ":default" : token;
    status["user"] = json::Object{{"username", name}};
    if (audiences != nullptr) status["audiences"] = *audiences;
  } else {
    const json::Value* const namespace_ = review.FindPath({"spec", "resourceAttributes", "namespace"});
    status["allowed"] =
        namespace_ != nullptr && (*namespace_ == json::Value("vision") || *namespace_ == json::Value("audio"));
  }
  return TestCluster::Json(201, json::Dump(json::Object{{"status", std::move(status)}}));
}

class ServerOfACluster {
 public:
  using OnBody = std::function<bool(std::string_view)>;

  ServerOfACluster(const tests::PostgresSchema& schema, const cluster::kubernetes::TestCluster& cluster,
                   ports::ObjectStore& objects)
      : delegation_(cluster.At(), Delegation::Parts{RealClock(), observe::Logger::Silent(), metrics_}),
        gateway_(ClusterGateway::Open(schema.settings().dsn,
                                      {objects, RealClock(), random_, observe::Logger::Silent(), metrics_})
                     .value()),
        endpoint_(cluster.At()),
        controllers_{[] { return Ok(); }, endpoint_, objects, RealClock(), observe::Logger::Silent(), metrics_} {
    delegation_.Start([](const http::ClientAuthorities&) { return Ok(); });
    while (!delegation_.Ready().ok()) std::this_thread::yield();
    http::Listen listen;
    listen.tcp = {"127.0.0.1", 0};
    listen.heads_first = true;
    http::Handler handler = gateway_->Serve(delegation_.MakeAuthenticator(), delegation_.MakeTaskRights(),
                                            [](const http::Request&, http::Responder responder) {
                                              responder.Send({404, "of another API", "text/plain", {}});
                                            });
    tasks_ = http::Server::Create(std::move(listen), {}, delegation_.Dispatch(std::move(handler)),
                                  observe::Logger::Silent(), nullptr)
                 .value();
    tasks_->Start();
    const Status listens =
        gateway_->Listen({"127.0.0.1", 0}, identity_,
                         delegation_.Dispatch(gateway_->ServeReports(delegation_.MakeRelayAuthenticator())));
    EXPECT_TRUE(listens.ok());
    gateway_->Start();
    gateway_->JoinTo(controllers_);
  }
  ~ServerOfACluster() { Stop(); }
  // Ends its streams too.
  void Stop() {
    tasks_->Stop(std::chrono::milliseconds(0));
    gateway_->StopListening(std::chrono::milliseconds(0));
    delegation_.Stop();
    gateway_->Stop();
  }
  ServerOfACluster(const ServerOfACluster&) = delete;
  ServerOfACluster& operator=(const ServerOfACluster&) = delete;

  // The task API, by the user `ada`.
  http::ClientResponse Task(const std::string& method, const std::string& path, const std::string& body = "",
                            const OnBody& on_body = {}) {
    http::ClientRequest request;
    request.url = "http://" + tasks_->address() + path;
    return Call(std::move(request), method, "ada", body, on_body);
  }
  // The port of reports, by a pod of `namespace_`.
  http::ClientResponse Report(const std::string& namespace_, const std::string& method, const std::string& path,
                              const std::string& body = "", const OnBody& on_body = {}) {
    return ReportBy("relay-of-" + namespace_, method, path, body, on_body);
  }
  http::ClientResponse ReportBy(const std::string& token, const std::string& method, const std::string& path,
                                const std::string& body = "", const OnBody& on_body = {}) {
    http::ClientRequest request;
    request.url = "https://" + gateway_->reports_address() + path;
    request.ca_pem = identity_.certificate_pem;
    return Call(std::move(request), method, token, body, on_body);
  }
  // Of the actor `resize`; the id.
  std::string CreateTask(const std::string& namespace_) {
    const auto created = Task("POST", "/api/v1/tasks?actor=resize&namespace=" + namespace_, R"({"payload":{}})");
    EXPECT_EQ(created.status, 201) << created.body;
    return json::Parse(created.body).value().GetString("id").value_or("");
  }
  std::string StatusOf(const std::string& id) {
    return json::Parse(Task("GET", "/api/v1/tasks/" + id).body).value().GetString("status").value_or("");
  }
  ClusterGateway& gateway() { return *gateway_; }
  // As the controllers do.
  void Lead(QueueDirectory& queues) { controllers_.leads(queues); }
  void Yield() { controllers_.yields(); }
  // Speaks without TLS.
  [[nodiscard]] std::uint16_t tasks_port() const {
    const std::string address = tasks_->address();
    return static_cast<std::uint16_t>(std::stoi(address.substr(address.find(':') + 1)));
  }
  [[nodiscard]] std::string Metrics() const { return metrics_.Text(); }
  [[nodiscard]] const http::TlsIdentity& identity() const { return identity_; }

 private:
  http::ClientResponse Call(http::ClientRequest request, const std::string& method, const std::string& token,
                            const std::string& body, const OnBody& on_body) {
    request.method = method;
    request.body = body;
    request.headers.Set("Authorization", "Bearer " + token);
    request.deadline = kGatewayPatience;
    request.on_body = on_body;
    auto response = client_.Call(request);
    return response.ok() ? *response : http::ClientResponse{};
  }

  const http::TlsIdentity identity_ = http::MakeSelfSigned("gateway", 1).value();
  Random random_{SystemSeed()};
  observe::Metrics metrics_;
  Delegation delegation_;
  std::unique_ptr<ClusterGateway> gateway_;
  const cluster::kubernetes::Endpoint endpoint_;
  Controllers::Parts controllers_;
  std::unique_ptr<http::Server> tasks_;
  http::Client client_;
};

// Reads a stream on a thread of its own for as long as it is there.
class StreamReader {
 public:
  using OnBody = std::function<bool(std::string_view)>;
  // `call` reads, and gives what comes to what it is called with.
  explicit StreamReader(const std::function<void(const OnBody& on_body)>& call)
      : thread_([this, call] {
          call([this](std::string_view piece) { return Add(piece); });
          const std::lock_guard lock(mutex_);
          ended_ = true;
          more_.notify_all();
        }) {}
  ~StreamReader() { thread_.join(); }
  StreamReader(const StreamReader&) = delete;
  StreamReader& operator=(const StreamReader&) = delete;

  bool Has(const std::string& text, std::chrono::milliseconds patience = kGatewayPatience) {
    std::unique_lock lock(mutex_);
    return more_.wait_for(lock, patience, [&] { return text_.find(text) != std::string::npos; });
  }
  bool Ended() {
    std::unique_lock lock(mutex_);
    return more_.wait_for(lock, kGatewayPatience, [&] { return ended_; });
  }
  std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  bool Add(std::string_view piece) {
    const std::lock_guard lock(mutex_);
    text_ += piece;
    more_.notify_all();
    return true;
  }

  std::mutex mutex_;
  std::condition_variable more_;
  std::string text_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace asya::server
