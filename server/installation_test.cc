#include "server/installation.h"

#include <gtest/gtest.h>

#include "cluster/kubernetes/test_cluster.h"

namespace asya::server {
namespace {

using cluster::kubernetes::TestCluster;

// A cluster that keeps one ConfigMap, or is away.
class InstallationTest : public testing::Test {
 protected:
  http::Response Answer(const http::Request& request) {
    const std::lock_guard lock(mutex_);
    if (away_) return TestCluster::Refusal(503, "ServiceUnavailable");
    if (request.path.find("/customresourcedefinitions/") != std::string::npos) {
      return request.path.ends_with("/" + definition_) ? TestCluster::Json(200, "{}")
                                                       : TestCluster::Refusal(404, "NotFound");
    }
    if (request.method == "POST") {
      if (!known_.empty()) return TestCluster::Refusal(409, "AlreadyExists");
      known_ = json::Parse(request.body)->FindPath({"data", "id"})->AsString();
    }
    if (known_.empty()) return TestCluster::Refusal(404, "NotFound");
    return TestCluster::Json(200, json::Dump(json::Object{{"data", json::Object{{"id", known_}}}}));
  }
  void Know(const std::string& id, bool away = false) {
    const std::lock_guard lock(mutex_);
    known_ = id;
    away_ = away;
  }
  // What a request for the path is answered.
  int Ask(const std::string& path) {
    class Sink final : public http::Responder::Sink {
     public:
      explicit Sink(int& status) : status_(status) {}
      void Send(http::Response response) override { status_ = response.status; }
      std::shared_ptr<http::Stream> StartStream(http::Response) override { return nullptr; }

     private:
      int& status_;
    };
    int status = 0;
    http::Request request;
    request.method = "GET";
    request.path = path;
    guarded_(request, http::Responder(std::make_unique<Sink>(status)));
    return status;
  }

  std::mutex mutex_;
  std::string known_;
  bool away_ = false;
  std::string definition_ = "none";
  Result<std::string> own_ = std::string("one");
  TestCluster cluster_{[this](const http::Request& request) { return Answer(request); }};
  cluster::kubernetes::Client client_{cluster_.At(), RealClock()};
  Installation installation_{client_, [this] { return own_; }, observe::Logger::Silent()};
  const http::Handler guarded_ =
      installation_.Guard([](const http::Request&, http::Responder responder) { responder.Send({}); });
};

constexpr const char* kObjects = "/apis/asya.sh/v1alpha1/flows";

TEST_F(InstallationTest, IsNotTrustedBeforeItWasSeen) {
  EXPECT_FALSE(installation_.Trusted().ok());
  EXPECT_EQ(Ask(kObjects), 503);
  EXPECT_EQ(Ask("/apis/asya.sh/v1alpha1"), 200) << "what there is may be known";
  EXPECT_EQ(Ask("/openapi/v2"), 200);
  EXPECT_EQ(Ask("/livez"), 200);
  Know("", true);
  EXPECT_FALSE(installation_.Look().ok());
  EXPECT_EQ(Ask(kObjects), 503);
}

TEST_F(InstallationTest, TheFirstServerMakesItKnown) {
  ASSERT_TRUE(installation_.Look().ok());
  EXPECT_EQ(known_, "one");
  EXPECT_EQ(Ask(kObjects), 200);
  EXPECT_EQ(cluster_.requests().at(1).path, "/api/v1/namespaces/default/configmaps");
  Know("one", true);
  EXPECT_FALSE(installation_.Look().ok());
  EXPECT_EQ(Ask(kObjects), 200) << "what was known holds while the cluster is away";
  own_ = Fail(ErrorCode::kUnavailable, "away");
  EXPECT_FALSE(installation_.Look().ok());
  EXPECT_EQ(Ask(kObjects), 200) << "and while the database is; the store says so by itself";
}

TEST_F(InstallationTest, AnotherDatabaseIsNotBelieved) {
  Know("another");
  const Status looked = installation_.Look();
  ASSERT_FALSE(looked.ok());
  EXPECT_NE(looked.error().message.find("or was emptied: ConfigMap default/asya-installation names installation "
                                        "\"another\", the database \"one\""),
            std::string::npos);
  EXPECT_EQ(Ask(kObjects), 503);
  Know("");
  EXPECT_TRUE(installation_.Look().ok()) << "the ConfigMap was deleted: it is to be taken";
  EXPECT_EQ(Ask(kObjects), 200);
  own_ = std::string("two");
  EXPECT_FALSE(installation_.Look().ok()) << "exchanged while the server runs";
  EXPECT_EQ(Ask(kObjects), 503);
}

TEST_F(InstallationTest, DefinitionsOfTheClusterAreInTheWay) {
  definition_ = "flows.asya.sh";
  const Status looked = installation_.Look();
  ASSERT_FALSE(looked.ok());
  EXPECT_NE(looked.error().message.find("has CustomResourceDefinition flows.asya.sh"), std::string::npos);
  EXPECT_EQ(Ask(kObjects), 503);
  {
    const std::lock_guard lock(mutex_);
    definition_ = "none";
  }
  EXPECT_TRUE(installation_.Look().ok());
  EXPECT_EQ(Ask(kObjects), 200);
  const std::size_t asked = cluster_.requests().size();
  EXPECT_TRUE(installation_.Look().ok());
  EXPECT_EQ(cluster_.requests().size(), asked + 1) << "they are not looked for again";
}

}  // namespace
}  // namespace asya::server
