#include "cluster/kubernetes/cluster_events.h"

#include <gtest/gtest.h>

#include "cluster/kubernetes/test_cluster.h"

namespace asya::cluster::kubernetes {
namespace {

json::Value Actor() {
  return json::Parse(R"({"apiVersion":"asya.sh/v1alpha1","kind":"AsyncActor","metadata":{"name":"echo",
    "namespace":"team","uid":"u1"}})")
      .value();
}

TEST(ClusterEvents, CountsWhatHappensAgain) {
  std::mutex mutex;
  json::Value stored;
  TestCluster fake([&](const http::Request& request) {
    const std::lock_guard lock(mutex);
    if (request.method == "POST") stored = json::Parse(request.body).value();
    if (stored.IsNull()) return TestCluster::Refusal(404, "NotFound");
    if (request.method == "PATCH") {
      const json::Value patch = json::Parse(request.body).value();
      for (const auto& [name, value] : patch.AsObject()) stored[name] = value;
    }
    return TestCluster::Json(200, json::Dump(stored));
  });
  Client client(fake.At(), RealClock());
  {
    ClusterEvents events(client, RealClock(), observe::Logger::Silent());
    events.Tell(Actor(), true, "ImagePullBackOff", "no such image");
    EXPECT_EQ(fake.requests().back().path, "/api/v1/namespaces/team/events");
    EXPECT_EQ(stored.FindPath({"involvedObject", "uid"})->AsString(), "u1");
    EXPECT_EQ(stored.FindPath({"metadata", "namespace"})->AsString(), "team");
    EXPECT_EQ(stored.GetString("type"), "Warning");
    events.Tell(Actor(), true, "ImagePullBackOff", std::string(2 * ClusterEvents::kMessageBytesMax, 'x'));
    EXPECT_EQ(stored.GetInt("count"), 2);
    EXPECT_EQ(stored.GetString("message")->size(), ClusterEvents::kMessageBytesMax);
  }
  ClusterEvents others(client, RealClock(), observe::Logger::Silent());
  others.Tell(Actor(), true, "ImagePullBackOff", "again");
  EXPECT_EQ(stored.GetInt("count"), 3) << "another replica goes on counting";
  {
    const std::lock_guard lock(mutex);
    stored = json::Value();
  }
  others.Tell(Actor(), true, "ImagePullBackOff", "again");
  EXPECT_EQ(stored.GetInt("count"), 1) << "the cluster had forgotten it";
}

}  // namespace
}  // namespace asya::cluster::kubernetes
