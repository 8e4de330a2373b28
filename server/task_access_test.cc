#include "server/task_access.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "storage/conformance/temporary_folder.h"
#include "storage/sqlite/schema.h"
#include "storage/sqlite/task_store.h"

namespace asya::server {
namespace {

class Sink final : public http::Responder::Sink {
 public:
  explicit Sink(http::Response& place) : place_(place) {}
  void Send(http::Response response) override { place_ = std::move(response); }
  std::shared_ptr<http::Stream> StartStream(http::Response) override { return nullptr; }

 private:
  http::Response& place_;
};

// By the name that its Authorization header is.
apiserver::Identity Known(const http::Request& request) {
  const auto name = request.headers.Get("Authorization");
  if (!name) return std::nullopt;
  if (*name == "away") return apiserver::Unavailable("the cluster is away");
  return apiserver::User{*name, {}};
}

// A task in namespace `vision`, and users with rights.
class TaskAccessTest : public testing::Test {
 protected:
  TaskAccessTest() {
    sql::sqlite::Settings settings;
    settings.path = folder_.File("tasks.db");
    database_ = sql::sqlite::Database::Open(settings, storage::sqlite::Migrations()).value();
    tasks_ = std::make_unique<storage::sqlite::TaskStore>(
        *database_, RealClock(), [](auto&, const ports::FirstMessage&) -> Status { return Ok(); });
    EXPECT_TRUE(tasks_->Start().ok());
    ports::Task task;
    task.id = "t1";
    task.namespace_ = "vision";
    EXPECT_TRUE(tasks_->Create(task, {"asya-vision-a", "{}"}, std::nullopt).ok());
    ports::DeadLetter letter;
    letter.id = "l1";
    letter.namespace_ = "vision";
    EXPECT_TRUE(tasks_->PutDeadLetters({letter}).ok());
    rights_["reader"] = {"get tasks vision", "list tasks vision", "get deadletters vision"};
    rights_["editor"] = {"get tasks vision", "create tasks vision", "delete tasks vision", "get deadletters vision"};
    rights_["chief"] = {"list tasks ", "list deadletters "};
    guarded_ = GuardTasks(
        Known,
        [this](const apiserver::User& user, const TaskQuestion& asked) -> apiserver::Outcome<bool> {
          return rights_[user.name].contains(asked.verb + " " + asked.resource + " " + asked.namespace_);
        },
        *tasks_,
        [](const http::Request& request, http::Responder responder) {
          responder.Send({200, request.path, "text/plain", {}});
        },
        [](const http::Request&, http::Responder responder) {
          responder.Send({299, "", "text/plain", {}});
        });
  }
  ~TaskAccessTest() override { database_->Stop(); }

  http::Response Ask(const std::string& user, const std::string& method, const std::string& path,
                     const std::string& namespace_ = "") {
    http::Response response{0, "", "", {}};
    http::Request request;
    request.method = method;
    request.path = path;
    if (!namespace_.empty()) request.query.emplace_back("namespace", namespace_);
    if (!user.empty()) request.headers.Set("Authorization", user);
    guarded_(std::move(request), http::Responder(std::make_unique<Sink>(response)));
    return response;
  }

  storage::conformance::TemporaryFolder folder_;
  std::unique_ptr<sql::sqlite::Database> database_;
  std::unique_ptr<storage::sqlite::TaskStore> tasks_;
  std::map<std::string, std::set<std::string>> rights_;
  http::Handler guarded_;
};

TEST_F(TaskAccessTest, WhoMayIsLetThrough) {
  EXPECT_EQ(Ask("editor", "POST", "/api/v1/tasks", "vision").status, 200);
  EXPECT_EQ(Ask("editor", "POST", "/api/v1/mesh", "vision").status, 200);
  EXPECT_EQ(Ask("editor", "DELETE", "/api/v1/tasks/t1").status, 200);
  EXPECT_EQ(Ask("editor", "DELETE", "/api/v1/tasks/t1", "vision").status, 200);
  EXPECT_EQ(Ask("editor", "DELETE", "/api/v1/tasks/t1", "other").status, 404) << "it was let through for that one";
  EXPECT_EQ(Ask("editor", "POST", "/api/v1/dead-letters/l1/replay", "other").status, 404);
  EXPECT_EQ(Ask("editor", "POST", "/api/v1/dead-letters/l1/replay").status, 200);
  EXPECT_EQ(Ask("reader", "GET", "/api/v1/tasks", "vision").status, 200);
  EXPECT_EQ(Ask("reader", "GET", "/api/v1/tasks/t1").status, 200);
  EXPECT_EQ(Ask("reader", "GET", "/api/v1/tasks/t%31/events").status, 200) << "as the router reads it";
  EXPECT_EQ(Ask("reader", "GET", "/api/v1/dead-letters/l1").status, 200);
  EXPECT_EQ(Ask("chief", "GET", "/api/v1/tasks").status, 200);
  EXPECT_EQ(Ask("chief", "GET", "/api/v1/dead-letters").status, 200);
}

TEST_F(TaskAccessTest, WhoMayNotIsRefused) {
  EXPECT_EQ(Ask("", "GET", "/api/v1/tasks", "vision").status, 401);
  EXPECT_EQ(Ask("away", "GET", "/api/v1/tasks", "vision").status, 503);
  EXPECT_EQ(Ask("reader", "POST", "/api/v1/tasks", "vision").status, 403);
  EXPECT_EQ(Ask("editor", "POST", "/api/v1/tasks").status, 403) << "that is namespace default";
  EXPECT_EQ(Ask("reader", "GET", "/api/v1/tasks").status, 403) << "those are all namespaces";
  EXPECT_EQ(Ask("reader", "GET", "/api/v1/dead-letters", "vision").status, 403);
  EXPECT_EQ(Ask("reader", "DELETE", "/api/v1/tasks/t1").status, 404);
  EXPECT_EQ(Ask("reader", "POST", "/api/v1/dead-letters/l1/replay").status, 404);
}

TEST_F(TaskAccessTest, AForeignTaskLooksLikeAMissingOne) {
  const http::Response foreign = Ask("chief", "GET", "/api/v1/tasks/t1");
  EXPECT_EQ(foreign.status, 404);
  const std::string missing = Ask("reader", "GET", "/api/v1/tasks/t2").body;
  std::string same = foreign.body;
  same.replace(same.find("t1"), 2, "t2");
  EXPECT_EQ(same, missing);
  EXPECT_EQ(tasks_->Get("t2").error().message, "task \"t2\" not found");
  EXPECT_NE(missing.find(R"(task \"t2\" not found)"), std::string::npos);
}

TEST_F(TaskAccessTest, NothingUnknownIsLetThrough) {
  rights_["all"] = {"get tasks vision", "create tasks vision", "delete tasks vision", "get deadletters vision"};
  for (const char* path : {"/api/v1/tasks/", "/api/v1/tasks/t1/", "/api/v1/tasks/t1/input", "/api/v1/tasks//events",
                           "/api/v1/tasks/%zz", "/api/v1/dead-letters/l1/events"}) {
    EXPECT_EQ(Ask("all", "GET", path, "vision").status, 404) << path;
  }
  EXPECT_EQ(Ask("all", "POST", "/api/v1/tasks/t1/events", "vision").status, 404) << "for relays";
  EXPECT_EQ(Ask("all", "PUT", "/api/v1/tasks", "vision").status, 404);
  EXPECT_EQ(Ask("", "GET", "/apis/asya.sh/v1alpha1").status, 299) << "no path of tasks; others look after it";
  EXPECT_EQ(Ask("", "GET", "/api/v1/tasksets").status, 299);
}

TEST(BodyAccess, IsForWhomSomebodyKnows) {
  class Source final : public http::Responder::Sink {
   public:
    explicit Source(http::Response& place) : place_(place) {}
    void Send(http::Response response) override { place_ = std::move(response); }
    std::shared_ptr<http::Stream> StartStream(http::Response) override { return nullptr; }
    void ReadBody(http::Request request, http::Handler next) override {
      request.body = "read";
      next(std::move(request), http::Responder(std::make_unique<Source>(place_)));
    }

   private:
    http::Response& place_;
  };
  const auto told = [](const std::string& by) {
    return [by](const http::Request& request, http::Responder responder) {
      responder.Send({200, by + ":" + request.body, "text/plain", {}});
    };
  };
  const http::Handler guarded = GuardBody(Known, told("whole"), told("read"));
  const auto ask = [&](const std::string& user, bool pending) {
    http::Response response{0, "", "", {}};
    http::Request request;
    request.body_pending = pending;
    if (!pending) request.body = "here";
    if (!user.empty()) request.headers.Set("Authorization", user);
    guarded(std::move(request), http::Responder(std::make_unique<Source>(response)));
    return response.status == 200 ? response.body : std::to_string(response.status);
  };
  EXPECT_EQ(ask("ada", true), "read:read");
  EXPECT_EQ(ask("", true), "401");
  EXPECT_EQ(ask("away", true), "503");
  EXPECT_EQ(ask("", false), "whole:here") << "who comes after has to ask";
}

TEST(ReportAccess, TellsThePodThatTheTokenWasMadeFor) {
  std::map<std::string, std::vector<std::string>> extra{{"authentication.kubernetes.io/pod-name", {"echo-1"}}};
  std::string told = "-";
  const http::Handler guarded = GuardReports(
      [&extra](const http::Request&) {
        return apiserver::User{"system:serviceaccount:vision:default", {}, "", extra};
      },
      [&told](const http::Request& request, http::Responder responder) {
        told = ReporterPod(request);
        responder.Send({200, "", "text/plain", {}});
      });
  const auto ask = [&] {
    http::Response response{0, "", "", {}};
    http::Request request;
    request.headers.Set("X-Asya-Reporter-Pod", "another");
    guarded(std::move(request), http::Responder(std::make_unique<Sink>(response)));
    return response.status;
  };
  EXPECT_EQ(ask(), 200);
  EXPECT_EQ(told, "echo-1");
  extra.clear();
  EXPECT_EQ(ask(), 200);
  EXPECT_EQ(told, "") << "nobody is believed to be a pod because of a header";
}

TEST(ReportAccess, IsForServiceAccountsAndTellsTheirNamespace) {
  std::string told = "-";
  const http::Handler guarded = GuardReports(Known, [&told](const http::Request& request, http::Responder responder) {
    told = ReporterNamespace(request);
    responder.Send({200, "", "text/plain", {}});
  });
  const auto ask = [&](const std::string& user) {
    http::Response response{0, "", "", {}};
    http::Request request;
    request.headers.Set("X-Asya-Reporter-Namespace", "kube-system");
    if (!user.empty()) request.headers.Set("Authorization", user);
    guarded(std::move(request), http::Responder(std::make_unique<Sink>(response)));
    return response.status;
  };
  EXPECT_EQ(ask("system:serviceaccount:vision:default"), 200);
  EXPECT_EQ(told, "vision");
  told = "-";
  for (const char* other : {"", "ada", "system:serviceaccount:", "system:serviceaccount::x", "system:node:a"}) {
    EXPECT_EQ(ask(other), 401) << other;
  }
  EXPECT_EQ(ask("away"), 503);
  EXPECT_EQ(told, "-");
}

}  // namespace
}  // namespace asya::server
