#include "cluster/kubernetes/transport_credentials.h"

#include <gtest/gtest.h>

#include "cluster/kubernetes/test_cluster.h"
#include "core/base/base64.h"
#include "core/base/clock.h"

namespace asya::cluster::kubernetes {
namespace {

constexpr const char* kSource = "/api/v1/namespaces/asya-system/secrets/rabbit";
constexpr const char* kCopy = "/api/v1/namespaces/team/secrets/asya-transport-rabbit";

// Secrets by their paths; what is applied is merged.
class TransportCredentialsTest : public ::testing::Test {
 protected:
  http::Response Answer(const http::Request& request) {
    const std::lock_guard lock(mutex_);
    if (away_) return TestCluster::Refusal(503, "ServiceUnavailable");
    if (forbidden_.contains(request.path)) return TestCluster::Refusal(403, "Forbidden");
    if (request.method == "PATCH") secrets_[request.path] = json::Parse(request.body).value();
    const auto found = secrets_.find(request.path);
    if (found == secrets_.end()) return TestCluster::Refusal(404, "NotFound");
    const std::string text = json::Dump(found->second);
    if (request.method == "DELETE") secrets_.erase(found);
    return TestCluster::Json(200, text);
  }
  void Put(const std::string& path, const std::map<std::string, std::string>& values) {
    json::Object data;
    for (const auto& [key, value] : values) data[key] = EncodeBase64(value);
    const std::lock_guard lock(mutex_);
    secrets_[path] = json::Object{{"kind", "Secret"}, {"metadata", json::Object{{"uid", "s-1"}}}, {"data", data}};
  }
  [[nodiscard]] json::Value At(const std::string& path) {
    const std::lock_guard lock(mutex_);
    const auto found = secrets_.find(path);
    return found == secrets_.end() ? json::Value() : found->second;
  }
  [[nodiscard]] std::size_t Sent(const std::string& method) const {
    std::size_t count = 0;
    for (const auto& request : fake_.requests()) count += request.method == method ? 1 : 0;
    return count;
  }
  static json::Value Transport(const char* reference = R"("credentialsSecretRef":{"name":"rabbit"})") {
    return json::Parse(std::string(R"({"metadata":{"name":"rabbit"},"spec":{"type":"rabbitmq","rabbitmq":{)") +
                       reference + "}}}")
        .value();
  }

  std::mutex mutex_;
  std::map<std::string, json::Value> secrets_;
  std::set<std::string> forbidden_;
  bool away_ = false;
  TestCluster fake_{[this](const http::Request& request) { return Answer(request); }};
  FakeClock clock_;
  Client client_{fake_.At(), clock_};
  TransportCredentials credentials_{
      client_, {"asya-system", {{"ASYA_RABBITMQ_USERNAME", "own"}}}, clock_, observe::Logger::Silent()};
};

TEST_F(TransportCredentialsTest, GivesTheServerWhatTheSecretHolds) {
  Put(kSource, {{"username", "ann"}, {"password", "one"}, {"other", "x"}});
  EXPECT_EQ(credentials_.ForServer(Transport()).value(),
            (ports::Credentials::Values{{"ASYA_RABBITMQ_USERNAME", "ann"}, {"ASYA_RABBITMQ_PASSWORD", "one"}}));
  EXPECT_TRUE(credentials_.ForServer(Transport("")).value().empty());
  Put("/api/v1/namespaces/vault/secrets/admin", {{"username", "root"}, {"password", "two"}});
  const json::Value both = Transport(
      R"("credentialsSecretRef":{"name":"rabbit"},"adminCredentialsSecretRef":{"namespace":"vault","name":"admin"})");
  EXPECT_EQ(credentials_.ForServer(both)->at("ASYA_RABBITMQ_USERNAME"), "root");
}

TEST_F(TransportCredentialsTest, NamesWhatIsMissing) {
  EXPECT_EQ(credentials_.ForServer(Transport()).error().message, "there is no Secret asya-system/rabbit");
  Put(kSource, {{"username", "ann"}});
  credentials_.LookAgain();
  const auto missing = credentials_.Provide(Transport(), "team");
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(missing.error().message,
            "Secret asya-system/rabbit has no key \"password\", which Transport rabbit of type rabbitmq needs");
  forbidden_.insert(kSource);
  credentials_.LookAgain();
  const auto refused = credentials_.Provide(Transport(), "team");
  EXPECT_EQ(refused.error().code, ErrorCode::kForbidden);
  EXPECT_NE(refused.error().message.find("Secret asya-system/rabbit cannot be read: "), std::string::npos);
  EXPECT_EQ(Sent("PATCH"), 0U) << "nothing is half there";
}

TEST_F(TransportCredentialsTest, CopiesWhatPodsNeedOnce) {
  Put(kSource, {{"username", "ann"}, {"password", "one"}, {"other", "x"}});
  const std::string version = credentials_.Provide(Transport(), "team").value();
  EXPECT_FALSE(version.empty());
  EXPECT_EQ(json::Dump(*At(kCopy).Find("data")), R"({"password":"b25l","username":"YW5u"})");
  EXPECT_EQ(credentials_.Provide(Transport(), "team").value(), version);
  clock_.Advance(TransportCredentials::kCopyTrusted);
  EXPECT_EQ(credentials_.Provide(Transport(), "team").value(), version) << "as the copy says itself";
  EXPECT_EQ(Sent("PATCH"), 1U);
}

TEST_F(TransportCredentialsTest, TellsOfAChangeAndRenewsTheCopy) {
  Put(kSource, {{"username", "ann"}, {"password", "one"}});
  std::vector<std::string> told;
  const auto subscription = credentials_.Subscribe([&told](const std::string& name) { told.push_back(name); });
  const std::string before = credentials_.Provide(Transport(), "team").value();
  credentials_.LookAgain();
  EXPECT_TRUE(told.empty());
  Put(kSource, {{"username", "ann"}, {"password", "two"}});
  credentials_.LookAgain();
  EXPECT_EQ(told, std::vector<std::string>{"rabbit"});
  EXPECT_NE(credentials_.Provide(Transport(), "team").value(), before);
  EXPECT_EQ(At(kCopy).FindPath({"data", "password"})->AsString(), EncodeBase64("two"));
}

TEST_F(TransportCredentialsTest, AClusterThatIsAwaySaysNothingAboutASecret) {
  const auto unknown = [this] {
    const std::lock_guard lock(mutex_);
    away_ = true;
  };
  Put(kSource, {{"username", "ann"}, {"password", "one"}});
  const auto known = credentials_.ForServer(Transport()).value();
  unknown();
  clock_.Advance(TransportCredentials::kLook + std::chrono::seconds(1));
  const auto later = credentials_.ForServer(Transport());
  ASSERT_TRUE(later.ok()) << later.error().message;
  EXPECT_EQ(*later, known);
  const ports::Credentials::Values own{{"ASYA_RABBITMQ_USERNAME", "own"}, {"ASYA_RABBITMQ_PASSWORD", "x"}};
  TransportCredentials fresh(client_, {"asya-system", own}, clock_, observe::Logger::Silent());
  EXPECT_EQ(fresh.ForServer(Transport()).error().code, ErrorCode::kUnavailable) << "a password of another broker";
}

TEST_F(TransportCredentialsTest, TellsOfASecretThatAppears) {
  std::vector<std::string> told;
  const auto subscription = credentials_.Subscribe([&told](const std::string& name) { told.push_back(name); });
  EXPECT_FALSE(credentials_.Provide(Transport(), "team").ok());
  credentials_.LookAgain();
  EXPECT_TRUE(told.empty());
  Put(kSource, {{"username", "ann"}, {"password", "one"}});
  credentials_.LookAgain();
  EXPECT_EQ(told.size(), 1U);
  EXPECT_TRUE(credentials_.Provide(Transport(), "team").ok());
}

TEST_F(TransportCredentialsTest, TellsOfAChangeThatAReadFindsFirst) {
  std::vector<std::string> told;
  const auto subscription = credentials_.Subscribe([this, &told](const std::string& name) {
    told.push_back(name);
    EXPECT_TRUE(credentials_.ForServer(Transport()).ok()) << "whoever is told may ask";
  });
  EXPECT_FALSE(credentials_.Provide(Transport(), "team").ok());
  Put(kSource, {{"username", "ann"}, {"password", "one"}});
  clock_.Advance(TransportCredentials::kLook + std::chrono::seconds(1));
  EXPECT_TRUE(credentials_.ForServer(Transport()).ok());
  credentials_.LookAgain();
  EXPECT_EQ(told, std::vector<std::string>{"rabbit"});
}

TEST_F(TransportCredentialsTest, TakesOverAndTakesAwayOnlyCopies) {
  Put(kSource, {{"username", "ann"}, {"password", "one"}});
  Put(kCopy, {{"username", "theirs"}});
  EXPECT_EQ(credentials_.Provide(Transport(), "team").error().code, ErrorCode::kConflict);
  EXPECT_TRUE(credentials_.Withdraw("rabbit", "team").ok());
  EXPECT_FALSE(At(kCopy).IsNull());
  {
    const std::lock_guard lock(mutex_);
    secrets_.erase(kCopy);
  }
  ASSERT_TRUE(credentials_.Provide(Transport(), "team").ok());
  EXPECT_TRUE(credentials_.Withdraw("rabbit", "team").ok());
  EXPECT_TRUE(At(kCopy).IsNull());
  EXPECT_TRUE(credentials_.Withdraw("rabbit", "team").ok());
}

}  // namespace
}  // namespace asya::cluster::kubernetes
