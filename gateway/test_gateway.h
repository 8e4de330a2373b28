// A gateway over a real HTTP server, on the SQLite stores; queues are a vector that remembers what was sent.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/http/client.h"
#include "core/http/server.h"
#include "core/json/parse.h"
#include "gateway/gateway.h"
#include "model/envelope.h"
#include "storage/conformance/temporary_folder.h"
#include "storage/sqlite/object_store.h"
#include "storage/sqlite/schema.h"
#include "storage/sqlite/task_store.h"

namespace asya::gateway {

class Gateway : public ::testing::Test {
 protected:
  void SetUp() override {
    sql::sqlite::Settings settings;
    settings.path = folder_.File("test.db");
    database_ = sql::sqlite::Database::Open(settings, storage::sqlite::Migrations()).value();
    objects_ = std::make_unique<storage::sqlite::ObjectStore>(*database_, RealClock());
    ASSERT_TRUE(objects_->Start().ok());
    tasks_ = std::make_unique<storage::sqlite::TaskStore>(
        *database_, RealClock(), [this](auto&, const ports::FirstMessage& message) { return Enqueue(message); });
    ASSERT_TRUE(tasks_->Start().ok());
    executor_.Start();
    hub_.Start();
    changes_ = tasks_->Subscribe([this](const ports::TaskChange& change) { hub_.Changed(change); });
    deps_.emplace(Deps{*tasks_, *objects_, hub_, cancels_, executor_, *clock_, observe::Logger::Silent(),
                       [this](const std::string& queue) { return IntakeOf(queue); }});
    AddExternalRoutes(router_, *deps_, Limits{});
    AddInternalRoutes(router_, *deps_, Limits{});
    http::Listen listen;
    listen.tcp = {"127.0.0.1", 0};
    server_ = http::Server::Create(
                  listen, http::ServerLimits{},
                  [this](http::Request request, http::Responder responder) {
                    router_.Handle(std::move(request), std::move(responder));
                  },
                  observe::Logger::Silent(), nullptr)
                  .value();
    server_->Start();
  }

  void TearDown() override {
    server_->Stop(std::chrono::milliseconds(100));
    changes_.reset();
    hub_.Stop();
    executor_.Stop();
    objects_->Stop();
    database_->Stop();
  }

  Status Enqueue(const ports::FirstMessage& message) {
    if (on_enqueue_) on_enqueue_(message.queue);
    if (message.queue == "asya-default-nobody") return Error{ErrorCode::kUnroutable, "no queue", message.queue};
    const std::lock_guard lock(mutex_);
    sent_.push_back(message);
    return Ok();
  }

  // As the index of the reconcilers: every actor is there but those called nobody, unborn and leaving.
  Intake IntakeOf(const std::string& queue) {
    const std::lock_guard lock(mutex_);
    ++lookups_;
    if (queue == "asya-default-leaving") return Intake::kClosing;
    const bool unknown = queue == "asya-default-nobody" || queue == "asya-default-unborn";
    return unknown ? Intake::kUnknown : Intake::kOpen;
  }

  void Store(const std::string& actor, const std::string& metadata = "", const std::string& spec = "{}") {
    ports::Record record;
    record.key = {"asyncactors", "default", actor};
    record.uid = actor;
    record.json = std::make_shared<const std::string>(
        R"({"apiVersion":"asya.sh/v1alpha1","kind":"AsyncActor","metadata":{"name":")" + actor + "\"" + metadata +
        R"(},"spec":)" + spec + "}");
    ASSERT_TRUE(objects_->Create(record, {}).ok());
  }

  http::ClientResponse Call(const std::string& method, const std::string& path, const std::string& body = "",
                            const std::string& header = "", const std::string& value = "") {
    http::ClientRequest request;
    request.method = method;
    request.url = "http://" + server_->address() + path;
    request.body = body;
    if (!header.empty()) request.headers.Set(header, value);
    auto response = client_.Call(request);
    EXPECT_TRUE(response.ok()) << response.error().message;
    return response.ok() ? *response : http::ClientResponse{};
  }

  std::string CreateTask(const std::string& query, const std::string& body) {
    const auto created = Call("POST", "/api/v1/tasks?" + query, body);
    EXPECT_EQ(created.status, 201) << created.body;
    return json::Parse(created.body).value().GetString("id").value_or("");
  }

  model::Envelope LastSent() {
    const std::lock_guard lock(mutex_);
    return model::ParseEnvelope(sent_.back().body).value();
  }

  const Clock* clock_ = &RealClock();                           // of the gateway alone; set before SetUp()
  std::function<void(const std::string& queue)> on_enqueue_{};  // on the thread that writes, which may be held up
  storage::conformance::TemporaryFolder folder_;
  std::unique_ptr<sql::sqlite::Database> database_;
  std::unique_ptr<storage::sqlite::ObjectStore> objects_;
  std::unique_ptr<storage::sqlite::TaskStore> tasks_;
  Executor executor_{4, 256};
  TaskHub hub_{executor_, RealClock()};
  CancelFeed cancels_;
  std::shared_ptr<void> changes_;
  std::optional<Deps> deps_;
  http::Router router_;
  std::unique_ptr<http::Server> server_;
  http::Client client_;
  std::mutex mutex_;
  std::vector<ports::FirstMessage> sent_;
  int lookups_ = 0;
};

}  // namespace asya::gateway
