#include "server/ca_bundle.h"

#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <string>

#include "cluster/kubernetes/test_cluster.h"
#include "core/base/base64.h"

namespace asya::server {
namespace {

using cluster::kubernetes::TestCluster;

std::string Pem(const std::string& name) {
  return "-----BEGIN CERTIFICATE-----\n" + name + "\n-----END CERTIFICATE-----\n";
}

TEST(CaBundles, AreMergedWithTheOwnOneFirst) {
  EXPECT_EQ(MergeBundles(Pem("new"), Pem("old")), Pem("new") + Pem("old"));
  EXPECT_EQ(MergeBundles(Pem("new") + Pem("old"), "# text\n" + Pem("old") + Pem("other")),
            Pem("new") + Pem("old") + Pem("other"));
  EXPECT_EQ(MergeBundles(Pem("new"), "no PEM"), Pem("new"));
  std::string many;
  for (int i = 0; i < 20; ++i) many += Pem(std::to_string(i));
  EXPECT_EQ(MergeBundles(Pem("new"), many).size(), (Pem("new") + many).find(Pem("7")));
}

// A cluster with one APIService, or none.
class CaBundleTest : public testing::Test {
 protected:
  http::Response Answer(const http::Request& request) {
    const std::lock_guard lock(mutex_);
    if (missing_) return TestCluster::Refusal(404, "NotFound");
    if (request.method == "PATCH") {
      const json::Value patch = json::Parse(request.body).value();
      if (patch.FindPath({"metadata", "resourceVersion"})->AsString() != "5") {
        return TestCluster::Refusal(409, "Conflict");
      }
      known_ = DecodeBase64(patch.FindPath({"spec", "caBundle"})->AsString()).value();
      ++patches_;
    }
    return TestCluster::Json(200, json::Dump(json::Object{{"metadata", json::Object{{"resourceVersion", "5"}}},
                                                          {"spec", json::Object{{"caBundle", EncodeBase64(known_)}}}}));
  }

  std::mutex mutex_;
  std::string known_;
  int patches_ = 0;
  bool missing_ = false;
  TestCluster cluster_{[this](const http::Request& request) { return Answer(request); }};
  cluster::kubernetes::Client client_{cluster_.At(), RealClock()};
  CaBundle bundle_{client_, Pem("one"), observe::Logger::Silent()};
};

TEST_F(CaBundleTest, IsWrittenWhereItIsNotThere) {
  ASSERT_TRUE(bundle_.Look().ok());
  EXPECT_EQ(known_, Pem("one"));
  ASSERT_TRUE(bundle_.Look().ok());
  EXPECT_EQ(patches_, 1) << "nothing has changed";
  known_ = Pem("of somebody who applied a file");
  ASSERT_TRUE(bundle_.Look().ok());
  EXPECT_EQ(known_, Pem("one") + Pem("of somebody who applied a file"));
  bundle_.Replace(Pem("two"));
  ASSERT_TRUE(bundle_.Look().ok());
  EXPECT_EQ(known_, Pem("two") + Pem("one") + Pem("of somebody who applied a file"));
}

TEST_F(CaBundleTest, NeedsNoApiService) {
  missing_ = true;
  EXPECT_TRUE(bundle_.Look().ok());
  cluster_.Leave();
  EXPECT_FALSE(bundle_.Look().ok());
}

// The configurations of two webhooks and of one; no APIService.
class WebhookBundlesTest : public testing::Test {
 protected:
  http::Response Answer(const http::Request& request) {
    const std::lock_guard lock(mutex_);
    if (request.path.find("apiservices") != std::string::npos) return TestCluster::Refusal(404, "NotFound");
    auto& known = known_[request.path.find("/mutating") != std::string::npos ? "mutating" : "validating"];
    if (request.method == "PATCH") {
      EXPECT_EQ(request.headers.Get("Content-Type"), "application/strategic-merge-patch+json");
      EXPECT_EQ(request.Query("fieldManager"), "asya-ca-bundle");
      const json::Value patch = json::Parse(request.body).value();
      for (const json::Value& webhook : patch.Find("webhooks")->AsArray()) {
        const std::string bundle = webhook.FindPath({"clientConfig", "caBundle"})->AsString();
        known[*webhook.GetString("name")] = DecodeBase64(bundle).value();
      }
      ++patches_;
    }
    json::Array webhooks;
    for (const auto& [name, bundle] : known) {
      json::Object client{{"service", json::Object()}};
      if (!bundle.empty()) client["caBundle"] = EncodeBase64(bundle);
      webhooks.push_back(json::Object{{"name", name}, {"clientConfig", std::move(client)}});
    }
    return TestCluster::Json(200, json::Dump(json::Object{{"metadata", json::Object{{"resourceVersion", "5"}}},
                                                          {"webhooks", std::move(webhooks)}}));
  }

  std::mutex mutex_;
  std::map<std::string, std::map<std::string, std::string>> known_{{"mutating", {{"inject", ""}}},
                                                                   {"validating", {{"check", ""}, {"kinds", ""}}}};
  int patches_ = 0;
  TestCluster cluster_{[this](const http::Request& request) { return Answer(request); }};
  cluster::kubernetes::Client client_{cluster_.At(), RealClock()};
  CaBundle bundle_{client_, Pem("one"), observe::Logger::Silent(), BundlePlaces(true)};
};

TEST_F(WebhookBundlesTest, AreKeptInEachWebhookByItsName) {
  ASSERT_TRUE(bundle_.Look().ok());
  EXPECT_FALSE(bundle_.InPlace(Pem("one"))) << "it is there once it was seen there";
  ASSERT_TRUE(bundle_.Look().ok());
  EXPECT_TRUE(bundle_.InPlace(Pem("one")));
  EXPECT_EQ(patches_, 2) << "one for each of the two";
  for (const auto& [kind, webhooks] : known_) {
    for (const auto& [name, bundle] : webhooks) EXPECT_EQ(bundle, Pem("one")) << name;
  }
  bundle_.Replace(Pem("two") + Pem("one"));
  known_["validating"]["kinds"] = Pem("of somebody who applied a chart");
  ASSERT_TRUE(bundle_.Look().ok());
  EXPECT_FALSE(bundle_.InPlace(Pem("one"))) << "one of three lacked it";
  ASSERT_TRUE(bundle_.Look().ok());
  EXPECT_TRUE(bundle_.InPlace(Pem("two") + Pem("one")));
  EXPECT_EQ(known_["validating"]["kinds"], Pem("two") + Pem("one") + Pem("of somebody who applied a chart"));
  EXPECT_EQ(known_["mutating"]["inject"], Pem("two") + Pem("one"));
}

}  // namespace
}  // namespace asya::server
