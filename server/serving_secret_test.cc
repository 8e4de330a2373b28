#include "server/serving_secret.h"

#include <gtest/gtest.h>

#include "cluster/kubernetes/test_cluster.h"
#include "core/base/base64.h"
#include "core/http/own_certificates.h"

namespace asya::server {
namespace {

using cluster::kubernetes::TestCluster;

constexpr const char* kNames = "asya-server.asya-system.svc";

bool Anything(const std::string& /*pem*/) { return true; }

// Whether what is served is signed by an authority of the bundle: nothing else can have made a key and a name like it.
bool SignedBy(const Serving& serving, const http::TlsIdentity& authority) {
  return serving.authority.certificate_pem == authority.certificate_pem;
}

class Renewal : public testing::Test {
 protected:
  Serving Next(const std::function<bool(const std::string&)>& in_place = Anything) {
    serving_ = Renewed(serving_, kNames, now_, in_place).value();
    return *serving_;
  }
  WallTime now_ = RealClock().Now();
  std::optional<Serving> serving_;
};

TEST_F(Renewal, LeavesWhatIsGoodForLong) {
  const Serving first = Next();
  EXPECT_EQ(first.Bundle(), first.authority.certificate_pem);
  EXPECT_TRUE(http::CheckTls(first.identity, {}).ok());
  now_ += kServingCertificateLife / 2;
  EXPECT_EQ(Next().identity.certificate_pem, first.identity.certificate_pem);
  now_ += kServingCertificateLife / 5;
  const Serving later = Next();
  EXPECT_NE(later.identity.certificate_pem, first.identity.certificate_pem) << "less than a third of its life is left";
  EXPECT_EQ(later.Bundle(), first.Bundle()) << "of the same authority";
  serving_ = Renewed(serving_, "other.asya-system.svc", now_, Anything).value();
  EXPECT_NE(serving_->identity.certificate_pem, later.identity.certificate_pem) << "it is called by another name";
}

TEST_F(Renewal, ExchangesTheAuthorityWithoutAGap) {
  const Serving first = Next();
  now_ += kServingAuthorityLife / 4 * 3;
  const Serving known = Next();
  ASSERT_TRUE(known.next);
  EXPECT_TRUE(SignedBy(known, first.authority)) << "nobody may know the next one yet";
  EXPECT_EQ(known.Bundle(), first.authority.certificate_pem + known.next->certificate_pem);
  now_ += kNextAuthorityKnown / 2;
  EXPECT_TRUE(SignedBy(Next(), first.authority));
  now_ += kNextAuthorityKnown;
  EXPECT_TRUE(SignedBy(Next([](const std::string&) { return false; }), first.authority)) << "it is not in place";
  const Serving over = Next([&](const std::string& pem) { return pem == known.next->certificate_pem; });
  EXPECT_TRUE(SignedBy(over, *known.next));
  EXPECT_NE(over.identity.certificate_pem, known.identity.certificate_pem);
  EXPECT_EQ(over.Bundle(), known.next->certificate_pem + first.authority.certificate_pem) << "a replica may be late";
  EXPECT_FALSE(Next().next);
}

TEST_F(Renewal, NeverServesLongerThanItsAuthority) {
  Next();
  now_ += kServingAuthorityLife - std::chrono::hours(24);
  const Serving late = Next([](const std::string&) { return false; });
  EXPECT_EQ(http::ValidityOf(late.identity.certificate_pem)->until,
            http::ValidityOf(late.authority.certificate_pem)->until);
}

// A cluster that keeps one Secret, for several servers.
class ServingSecretTest : public testing::Test {
 protected:
  http::Response Answer(const http::Request& request) {
    const std::lock_guard lock(mutex_);
    if (request.method == "GET") {
      return secret_.IsNull() ? TestCluster::Refusal(404, "NotFound") : TestCluster::Json(200, json::Dump(secret_));
    }
    json::Value sent = json::Parse(request.body).value();
    if (before_write_) std::exchange(before_write_, nullptr)();
    if (request.method == "POST" && !secret_.IsNull()) return TestCluster::Refusal(409, "AlreadyExists");
    const json::Value* revision = sent.FindPath({"metadata", "resourceVersion"});
    if (request.method == "PUT" && *revision != *secret_.FindPath({"metadata", "resourceVersion"})) {
      return TestCluster::Refusal(409, "Conflict");
    }
    Keep(std::move(sent));
    return TestCluster::Json(200, json::Dump(secret_));
  }
  void Keep(json::Value secret) {
    secret_ = std::move(secret);
    secret_["metadata"]["resourceVersion"] = std::to_string(++revision_);
  }
  struct Server {
    explicit Server(ServingSecretTest& test)
        : secret({test.client_, test.clock_, observe::Logger::Silent(), kNames, Anything, [this](const Serving& now) {
                    used.push_back(now);
                    return Ok();
                  }}) {}
    std::vector<Serving> used;
    ServingSecret secret;
  };

  std::mutex mutex_;
  json::Value secret_;
  int revision_ = 0;
  std::function<void()> before_write_;
  FakeClock clock_;
  TestCluster cluster_{[this](const http::Request& request) { return Answer(request); }};
  cluster::kubernetes::Client client_{cluster_.At(), RealClock()};
};

TEST_F(ServingSecretTest, IsOneForAllServers) {
  Server one(*this);
  Server two(*this);
  ASSERT_TRUE(one.secret.Look().ok());
  ASSERT_TRUE(two.secret.Look().ok());
  ASSERT_EQ(one.used.size(), 1U);
  EXPECT_EQ(one.used[0].identity.key_pem, two.used.at(0).identity.key_pem);
  EXPECT_EQ(one.used[0].Bundle(), two.used[0].Bundle());
  clock_.Advance(kServingAuthorityLife / 4 * 3);
  ASSERT_TRUE(two.secret.Look().ok());
  ASSERT_TRUE(one.secret.Look().ok());
  EXPECT_EQ(one.used.at(1).Bundle(), two.used.at(1).Bundle()) << "the next authority, too";
  clock_.Advance(kNextAuthorityKnown);
  ASSERT_TRUE(one.secret.Look().ok());
  EXPECT_TRUE(SignedBy(one.used.at(2), *one.used[1].next));
  ASSERT_TRUE(two.secret.Look().ok());
  EXPECT_EQ(one.used[2].identity.key_pem, two.used.at(2).identity.key_pem);
  ASSERT_TRUE(two.secret.Look().ok());
  EXPECT_EQ(two.used.size(), 3U) << "nothing is new";
}

TEST_F(ServingSecretTest, OfTwoThatMakeOneTheFirstWins) {
  Server one(*this);
  Server two(*this);
  const Serving other = Renewed(std::nullopt, kNames, clock_.Now(), Anything).value();
  before_write_ = [&] {
    json::Object data;
    for (const auto& [key, text] : {std::pair{"tls.crt", other.identity.certificate_pem},
                                    {"tls.key", other.identity.key_pem},
                                    {"ca.crt", other.authority.certificate_pem},
                                    {"ca.key", other.authority.key_pem},
                                    {"names", std::string(kNames)}}) {
      data[key] = EncodeBase64(text);
    }
    Keep(json::Object{{"metadata", json::Object{}}, {"data", data}});
  };
  ASSERT_TRUE(one.secret.Look().ok());
  EXPECT_EQ(one.used.at(0).identity.key_pem, other.identity.key_pem);
}

TEST_F(ServingSecretTest, ComesBackAsItWasAndIsNotReplacedWhereItCannotBeRead) {
  Server one(*this);
  ASSERT_TRUE(one.secret.Look().ok());
  {
    const std::lock_guard lock(mutex_);
    secret_ = json::Value();
  }
  ASSERT_TRUE(one.secret.Look().ok());
  EXPECT_EQ(one.used.size(), 1U);
  Server two(*this);
  ASSERT_TRUE(two.secret.Look().ok());
  EXPECT_EQ(two.used.at(0).identity.key_pem, one.used[0].identity.key_pem);
  {
    const std::lock_guard lock(mutex_);
    secret_["data"]["tls.key"] = "bm8ga2V5";
  }
  const Status broken = one.secret.Look();
  ASSERT_FALSE(broken.ok());
  EXPECT_NE(broken.error().message.find("asya-serving holds no usable certificate"), std::string::npos);
  EXPECT_EQ(one.used.size(), 1U) << "what was in use stays so";
}

}  // namespace
}  // namespace asya::server
