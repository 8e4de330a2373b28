// TestApi: the API on a real HTTP server with a store in memory, and a client for it. For tests of apiserver only.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "apiserver/api_server.h"
#include "core/base/random.h"
#include "core/http/client.h"
#include "core/http/server.h"
#include "core/http/test_server.h"
#include "core/json/json_patch.h"
#include "core/json/parse.h"
#include "core/yaml/parse.h"
#include "storage/memory/object_store.h"

namespace asya::apiserver {

inline constexpr const char* kActors = "/apis/asya.sh/v1alpha1/namespaces/default/asyncactors";
using http::kPatience;

struct Answer {
  int status = 0;
  json::Value body;
  http::Headers headers;
  std::string text;
  [[nodiscard]] std::string At(const char* pointer) const {
    const json::Value* value = json::Pointer::Parse(pointer).value().Find(body);
    if (value == nullptr) return "(absent)";
    return value->IsString() ? value->AsString() : json::Dump(*value);
  }
};

using HeaderList = std::vector<std::pair<std::string, std::string>>;

inline json::Value Actor(const std::string& name, const std::string& spec = R"({"image":"i:1","handler":"m.f"})") {
  return json::Parse(R"({"apiVersion":"asya.sh/v1alpha1","kind":"AsyncActor","metadata":{"name":")" + name +
                     R"("},"spec":)" + spec + "}")
      .value();
}

class TestApi : public testing::Test {
 protected:
  TestApi() : random_(1), store_(RealClock()) {
    store_.Start();
    Open({});
  }
  ~TestApi() override { Shut(); }

  void Shut() {
    if (api_) api_->Stop();
    if (server_) server_->Stop(std::chrono::milliseconds(1000));
    server_.reset();
    api_.reset();
  }
  // Starts again with other settings or parts.
  void Open(const ApiServerSettings& settings, std::vector<Admission> admission = {}, Authorizer authorize = {},
            NamespaceStateOf namespace_state = {},
            Authenticator authenticate = StaticToken("secret", User{"ada", {}})) {
    Shut();
    ApiServer::Parts parts{*served_,
                           RealClock(),
                           random_,
                           observe::Logger::Silent(),
                           &metrics_,
                           std::move(authenticate),
                           std::move(authorize),
                           std::move(admission),
                           {},
                           [](std::string_view text) { return yaml::Parse(text); },
                           std::move(namespace_state)};
    parts.ready = ready_;
    parts.find_planner = find_planner_;
    api_ = std::make_unique<ApiServer>(std::move(parts), settings);
    ASSERT_TRUE(api_->Start().ok());
    http::Listen listen;
    listen.tcp = {"127.0.0.1", 0};
    server_ = http::Server::Create(
                  std::move(listen), {},
                  [this](http::Request request, http::Responder responder) {
                    api_->Handle(std::move(request), std::move(responder));
                  },
                  observe::Logger::Silent(), nullptr)
                  .value();
    server_->Start();
  }

  http::ClientRequest MakeRequest(const std::string& method, const std::string& path, const std::string& body,
                                  const HeaderList& headers) {
    http::ClientRequest request;
    request.method = method;
    request.url = "http://" + server_->address() + path;
    request.body = body;
    request.headers.Set("Authorization", "Bearer secret");
    for (const auto& [name, value] : headers) request.headers.Set(name, value);
    return request;
  }
  Answer Send(const std::string& method, const std::string& path, const std::string& body = "",
              const HeaderList& headers = {}) {
    auto response = client_.Call(MakeRequest(method, path, body, headers));
    EXPECT_TRUE(response.ok()) << response.error().message;
    if (!response.ok()) return {};
    auto parsed = json::Parse(response->body);
    return {response->status, parsed.ok() ? *parsed : json::Value(), response->headers, response->body};
  }
  Answer Get(const std::string& path, const HeaderList& headers = {}) { return Send("GET", path, "", headers); }
  Answer Create(const json::Value& object, const std::string& query = "") {
    return Send("POST", kActors + query, json::Dump(object));
  }
  Answer Merge(const std::string& path, const std::string& patch) {
    return Send("PATCH", path, patch, {{"Content-Type", "application/merge-patch+json"}});
  }
  Answer JsonPatch(const std::string& path, const std::string& patch) {
    return Send("PATCH", path, patch, {{"Content-Type", "application/json-patch+json"}});
  }
  static std::string Path(const std::string& name) { return std::string(kActors) + "/" + name; }

  // One thread that blocks, and a wait for revisions ahead that ends only where it is meant to.
  static ApiServerSettings Waiting(std::chrono::milliseconds limit) {
    ApiServerSettings settings;
    settings.threads = 1;
    settings.watch.revision_wait = limit;
    return settings;
  }
  // Returns when so many requests wait for a revision.
  void AwaitRevisionWaits(int count) {
    const std::string line = "asya_apiserver_revision_waits " + std::to_string(count) + "\n";
    while (metrics_.Text().find(line) == std::string::npos) std::this_thread::yield();
  }
  std::string Ahead() { return std::to_string(store_.Head().value().get() + 1); }

  std::function<Status()> ready_;  // of the next Open()
  FindPlanner find_planner_;       // likewise
  Random random_;
  observe::Metrics metrics_;
  storage::memory::ObjectStore store_;
  ports::ObjectStore* served_ = &store_;  // by the next Open()
  std::unique_ptr<ApiServer> api_;
  std::unique_ptr<http::Server> server_;
  http::Client client_;
};

// A watch in the background whose events can be waited for. HTTP/1.0, so that the body comes without chunks.
class TestWatch {
 public:
  TestWatch(std::uint16_t port, const std::string& target, const HeaderList& headers) : peer_(port) {
    std::string head = "GET " + target + " HTTP/1.0\r\nAuthorization: Bearer secret\r\n";
    for (const auto& [name, value] : headers) head += name + ": " + value + "\r\n";
    peer_.Send(head + "\r\n");
    thread_ = std::thread([this] { Read(); });
  }
  ~TestWatch() {
    peer_.Interrupt();
    thread_.join();
  }
  TestWatch(const TestWatch&) = delete;
  TestWatch& operator=(const TestWatch&) = delete;

  // All events so far, at least `count`; fewer when the watch ended or patience did.
  std::vector<json::Value> Events(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kPatience, [&] { return events_.size() >= count || over_; });
    return events_;
  }
  // All events of a watch that ends by itself.
  std::vector<json::Value> ToEnd() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kPatience, [&] { return over_; });
    EXPECT_TRUE(over_);
    return events_;
  }

 private:
  void Read() {
    peer_.ReadUntil("\r\n\r\n");
    for (;;) {
      const std::string line = peer_.ReadLine();
      const std::lock_guard lock(mutex_);
      over_ = line.empty();
      if (!line.empty() && line[0] == '{') events_.push_back(json::Parse(line).value());
      changed_.notify_all();
      if (over_) return;
    }
  }

  http::RawPeer peer_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<json::Value> events_;
  bool over_ = false;
  std::thread thread_;
};

}  // namespace asya::apiserver
