#include <gtest/gtest.h>

#include "core/http/test_server.h"
#include "gateway/gateway.h"
#include "gateway/task_json.h"

namespace asya::gateway {
namespace {

// The path and query that `path` is taken for.
std::string Taken(const std::string& path, std::vector<std::pair<std::string, std::string>> query = {}) {
  std::string taken;
  const http::Handler handler = WithGroupPaths([&taken](const http::Request& request, http::Responder responder) {
    taken = request.path;
    for (const auto& [name, value] : request.query) taken += " " + name + "=" + value;
    responder.Send({});
  });
  http::Request request;
  request.path = path;
  request.query = std::move(query);
  class Nobody final : public http::Responder::Sink {
    void Send(http::Response /*response*/) override {}
    std::shared_ptr<http::Stream> StartStream(http::Response /*head*/) override { return nullptr; }
  };
  handler(std::move(request), http::Responder(std::make_unique<Nobody>()));
  return taken;
}

TEST(GroupPaths, AreThoseOfTheTaskApiInThatNamespace) {
  const std::string group = "/apis/asya.sh/v1alpha1/";
  EXPECT_EQ(Taken(group + "namespaces/vision/tasks", {{"actor", "echo"}}), "/api/v1/tasks actor=echo namespace=vision");
  EXPECT_EQ(Taken(group + "namespaces/vision/tasks/a%2Fb/events"), "/api/v1/tasks/a%2Fb/events namespace=vision");
  EXPECT_EQ(Taken(group + "namespaces/vision/deadletters/7/replay"), "/api/v1/dead-letters/7/replay namespace=vision");
  EXPECT_EQ(Taken(group + "tasks"), "/api/v1/tasks") << "of all namespaces";
  EXPECT_EQ(Taken(group + "namespaces/vision/tasks", {{"namespace", "other"}}), "/api/v1/tasks namespace=vision")
      << "the path is what kube-apiserver has asked about";
}

TEST(GroupPaths, OfATaskAreBelowThePathThatWasAskedFor) {
  http::Request request;
  EXPECT_EQ(TasksPath(request), "/api/v1/tasks/");
  request.in_group = true;
  EXPECT_EQ(TasksPath(request), "/apis/asya.sh/v1alpha1/tasks/");
  request.query = {{"namespace", "vision"}};
  EXPECT_EQ(TasksPath(request), "/apis/asya.sh/v1alpha1/namespaces/vision/tasks/");
}

TEST(GroupPaths, LeaveEverythingElse) {
  for (const char* path : {"/apis/asya.sh/v1alpha1/namespaces/vision/asyncactors/tasks", "/apis/asya.sh/v1alpha1",
                           "/apis/asya.sh/v1alpha1/namespaces/tasks", "/apis/asya.sh/v1/tasks", "/api/v1/tasks",
                           "/apis/asya.sh/v1alpha1/namespaces/%zz/tasks", "/"}) {
    EXPECT_EQ(Taken(path), path);
  }
}

}  // namespace
}  // namespace asya::gateway
