#include "cluster/kubernetes/lease.h"

#include <gtest/gtest.h>

#include <optional>

#include "cluster/kubernetes/test_cluster.h"

namespace asya::cluster::kubernetes {
namespace {

// A cluster that keeps one Lease and refuses writes of an old version.
class LeaseTest : public ::testing::Test {
 protected:
  http::Response Answer(const http::Request& request) {
    const std::lock_guard lock(mutex_);
    clock_.Advance(late_);
    if (away_) return TestCluster::Refusal(503, "ServiceUnavailable");
    if (request.method == "GET" && stored_.IsNull()) return TestCluster::Refusal(404, "NotFound");
    if (request.method == "POST" && !stored_.IsNull()) return TestCluster::Refusal(409, "AlreadyExists");
    if (request.method != "GET") {
      json::Value sent = json::Parse(request.body).value();
      const json::Value* version = sent.FindPath({"metadata", "resourceVersion"});
      if (request.method == "PUT" && (version == nullptr || version->AsString() != std::to_string(version_))) {
        return TestCluster::Refusal(409, "Conflict");
      }
      stored_ = std::move(sent);
      stored_["metadata"]["resourceVersion"] = std::to_string(++version_);
    }
    return TestCluster::Json(200, json::Dump(stored_));
  }

  // Calls are made by the real clock, and no answer is to come too late by it.
  static LeaseSettings SettingsOf(const std::string& holder) {
    LeaseSettings settings{"asya-system", "asya-server", holder};
    settings.deadline = std::chrono::seconds(30);
    return settings;
  }
  struct Replica {
    Replica(LeaseTest& test, const std::string& name)
        : lease(test.client_, SettingsOf(name),
                {[this] { return fit ? Ok() : Status(Fail(ErrorCode::kConflict, "unfit")); }, [this] { ++gained; },
                 [this] { ++lost; }},
                test.clock_, observe::Logger::Silent()) {}
    bool fit = true;
    Lease lease;
    int gained = 0;
    int lost = 0;
  };

  [[nodiscard]] std::string Holder() const { return stored_.Find("spec")->GetString("holderIdentity").value_or("?"); }

  std::mutex mutex_;
  json::Value stored_;
  int version_ = 0;
  bool away_ = false;
  std::chrono::milliseconds late_{0};  // by which an answer comes
  FakeClock clock_;
  TestCluster fake_{[this](const http::Request& request) { return Answer(request); }};
  Client client_{fake_.At(), RealClock()};
  Replica first_{*this, "first"};
  Replica second_{*this, "second"};
};

TEST_F(LeaseTest, OneOfTwoHoldsIt) {
  first_.lease.Turn();
  second_.lease.Turn();
  EXPECT_TRUE(first_.lease.holds());
  EXPECT_FALSE(second_.lease.holds());
  EXPECT_EQ(first_.gained, 1);
  EXPECT_EQ(Holder(), "first");
  for (int i = 0; i < 20; ++i) {
    clock_.Advance(std::chrono::seconds(2));
    first_.lease.Turn();
    second_.lease.Turn();
  }
  EXPECT_EQ(first_.gained, 1);
  EXPECT_EQ(second_.gained, 0);
}

TEST_F(LeaseTest, IsTakenOverAfterItsDuration) {
  first_.lease.Turn();
  second_.lease.Turn();
  clock_.Advance(std::chrono::seconds(10));
  second_.lease.Turn();
  EXPECT_FALSE(second_.lease.holds()) << "not before the duration is over";
  clock_.Advance(std::chrono::seconds(1));
  second_.lease.Turn();
  EXPECT_TRUE(second_.lease.holds());
  EXPECT_EQ(stored_.Find("spec")->GetInt("leaseTransitions"), 1);
  first_.lease.Turn();
  EXPECT_EQ(first_.lost, 1);
  EXPECT_FALSE(first_.lease.holds());
}

TEST_F(LeaseTest, IsLookedAtWhenItBecomesFree) {
  EXPECT_EQ(first_.lease.Turn(), std::chrono::seconds(2));
  EXPECT_EQ(second_.lease.Turn(), std::chrono::seconds(2));
  clock_.Advance(std::chrono::milliseconds(9'200));
  EXPECT_EQ(second_.lease.Turn(), std::chrono::milliseconds(810)) << "not a whole pause later";
  clock_.Advance(std::chrono::milliseconds(810));
  EXPECT_EQ(second_.lease.Turn(), std::chrono::seconds(2));
  EXPECT_TRUE(second_.lease.holds());
}

// As a cluster does that is busy: the call ends at its deadline.
TEST_F(LeaseTest, IsNotLostByOneAnswerThatComesTooLate) {
  EXPECT_EQ(first_.lease.Turn(), std::chrono::seconds(2));
  clock_.Advance(std::chrono::seconds(2));
  away_ = true;
  late_ = LeaseSettings{}.deadline;
  const auto pause = first_.lease.Turn();
  EXPECT_EQ(pause, std::chrono::milliseconds(250));
  EXPECT_EQ(second_.lease.Turn(), std::chrono::milliseconds(250));
  away_ = false;
  late_ = {};
  clock_.Advance(pause);
  EXPECT_EQ(first_.lease.Turn(), std::chrono::seconds(2));
  EXPECT_EQ(first_.lost, 0);
  EXPECT_EQ(first_.gained, 1);
}

TEST_F(LeaseTest, IsLostBeforeOthersMayTakeIt) {
  first_.lease.Turn();
  away_ = true;
  clock_.Advance(std::chrono::seconds(4));
  first_.lease.Turn();
  EXPECT_TRUE(first_.lease.holds()) << "one answer may fail";
  clock_.Advance(std::chrono::seconds(2));
  first_.lease.Turn();
  EXPECT_EQ(first_.lost, 1);
  away_ = false;
  first_.lease.Turn();
  EXPECT_EQ(first_.gained, 2);
}

TEST_F(LeaseTest, IsGivenUpAtTheEnd) {
  first_.lease.Turn();
  second_.lease.Turn();
  first_.lease.Stop();
  EXPECT_EQ(first_.lost, 1);
  EXPECT_EQ(Holder(), "");
  second_.lease.Turn();
  EXPECT_TRUE(second_.lease.holds());
  first_.lease.Stop();
  EXPECT_EQ(Holder(), "second") << "what another holds is not given up";
}

TEST_F(LeaseTest, WhoIsNotFitDoesNotHoldIt) {
  first_.fit = false;
  first_.lease.Turn();
  EXPECT_TRUE(stored_.IsNull());
  first_.fit = true;
  first_.lease.Turn();
  EXPECT_TRUE(first_.lease.holds());
  first_.fit = false;
  first_.lease.Turn();
  EXPECT_EQ(first_.lost, 1);
  EXPECT_EQ(Holder(), "") << "another need not wait";
}

TEST_F(LeaseTest, WhoComesLateToATurnHasLostIt) {
  first_.lease.Turn();
  clock_.Advance(std::chrono::seconds(6));
  first_.lease.Turn();
  EXPECT_EQ(first_.lost, 1);
  EXPECT_EQ(first_.gained, 1) << "it is asked again whether it is fit";
  first_.lease.Turn();
  EXPECT_EQ(first_.gained, 2) << "nobody had taken it";
}

TEST_F(LeaseTest, WhoComesSecondIsRefused) {
  first_.lease.Turn();
  second_.lease.Turn();
  clock_.Advance(std::chrono::seconds(11));
  // Both see it free; the version of the one that writes second is old by then.
  first_.lease.Turn();
  second_.lease.Turn();
  EXPECT_NE(first_.lease.holds(), second_.lease.holds());
}

}  // namespace
}  // namespace asya::cluster::kubernetes
