// Pardons: connections that break under living relays count nothing, wherever the message goes next; deaths do.
#include "transports/rabbitmq/pardons.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <string>
#include <vector>

#include "core/base/random.h"
#include "tests/support/rabbitmq_vhost.h"
#include "tests/support/tcp_proxy.h"
#include "transports/conformance/message_queue_suite.h"
#include "transports/conformance/recorder_suite.h"
#include "transports/rabbitmq/administration.h"
#include "transports/rabbitmq/consumer.h"

namespace asya::transports::rabbitmq {
namespace {

using conformance::Ack;
using conformance::kPatience;
using conformance::Recorder;
using tests::RabbitmqVhost;

constexpr SteadyTime kStart{std::chrono::hours(100)};

TEST(Pardons, AreSetsOfLossesThatMayComeInAnyOrderAndMoreThanOnce) {
  Pardons pardons;
  pardons.Learn({7, LossNumber(2)}, kStart);
  pardons.Learn({7, LossNumber(0)}, kStart);
  pardons.Learn({7, LossNumber(2)}, kStart);
  EXPECT_EQ(CrashesAmong(3, pardons.Of(7, kStart)), 1);
  EXPECT_EQ(CrashesAmong(2, pardons.Of(7, kStart)), 1) << "of a loss that has not happened";
  EXPECT_EQ(CrashesAmong(0, pardons.Of(7, kStart)), 0);
  EXPECT_EQ(CrashesAmong(5, pardons.Of(8, kStart)), 5);
  EXPECT_EQ(CrashesAmong(kPardonableLossesMax + 3, ~LossSet{0}), 3);
  EXPECT_EQ(LossNumber(kPardonableLossesMax), 0U);
  EXPECT_EQ(LossNumber(-1), 0U);
}

TEST(Pardons, AreForgottenAfterTheirTimeAndBeyondTheirNumber) {
  Pardons pardons;
  pardons.Learn({7, 1}, kStart);
  EXPECT_EQ(pardons.Of(7, kStart + kPardonedFor), 1U);
  EXPECT_EQ(pardons.Of(7, kStart + kPardonedFor + std::chrono::seconds(1)), 0U);
  for (std::size_t print = 100; print < 100 + kPardonsMax - 2; ++print) pardons.Learn({print, 1}, kStart);
  pardons.Learn({7, 2}, kStart + std::chrono::seconds(1));
  pardons.Learn({8, 1}, kStart + std::chrono::seconds(1));
  EXPECT_EQ(pardons.Of(7, kStart), 3U) << "something was learned of it lately";
  EXPECT_EQ(pardons.Of(100, kStart), 1U);
  pardons.Learn({9, 1}, kStart + std::chrono::seconds(1));
  EXPECT_EQ(pardons.Of(100, kStart), 0U);
  EXPECT_EQ(pardons.Of(101, kStart), 1U);
}

TEST(Pardons, AreToldWithAllThatIsKnown) {
  Pardons pardons;
  pardons.Learn({7, 1}, kStart);
  EXPECT_FALSE(pardons.has_untold());
  pardons.Grant({7, 4}, kStart);
  const auto told = pardons.TakeUntold(kStart);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].losses, 5U);
  EXPECT_FALSE(pardons.has_untold());
  pardons.Grant({8, 0}, kStart);
  EXPECT_FALSE(pardons.has_untold());
  pardons.TellAll();
  EXPECT_EQ(pardons.TakeUntold(kStart).size(), 1U);
}

TEST(Notices, ComeBackAsTheyWereAndNonsenseIsRefused) {
  const std::string bytes = WriteNotice({Notice::Kind::kAsked, {{7, 5}, {~std::uint64_t{0}, 0}}});
  const auto notice = ReadNotice(bytes);
  ASSERT_TRUE(notice.ok());
  EXPECT_EQ(notice->kind, Notice::Kind::kAsked);
  ASSERT_EQ(notice->pardons.size(), 2U);
  EXPECT_EQ(notice->pardons[0].losses, 5U);
  EXPECT_EQ(notice->pardons[1].print, ~std::uint64_t{0});
  EXPECT_FALSE(ReadNotice("").ok());
  EXPECT_FALSE(ReadNotice("\x02").ok());
  EXPECT_FALSE(ReadNotice(bytes.substr(0, bytes.size() - 1)).ok());
  Notice large;
  large.pardons.resize(kPardonsPerNoticeMax + 1);
  EXPECT_FALSE(ReadNotice(WriteNotice(large)).ok());
}

// A relay whose connections can be broken alone. It takes nothing before it is granted.
struct Replica {
  std::unique_ptr<tests::TcpProxy> proxy;
  std::unique_ptr<Recorder> recorder;

  ports::Delivery Hold() const {
    recorder->Queue().Grant(1);
    const auto taken = recorder->Take(1);
    EXPECT_EQ(taken.size(), 1U);
    return taken.empty() ? ports::Delivery{} : taken[0];
  }
  // The same, and its call has begun.
  ports::Delivery Call() const {
    const auto delivery = Hold();
    EXPECT_TRUE(recorder->Begin(delivery.tag, delivery.crash_count + 1).ok());
    return delivery;
  }
  // It lives, and is back soon.
  void Break() const {
    proxy->Cut();
    EXPECT_EQ(recorder->TakeConnection(), false);
    EXPECT_EQ(recorder->TakeConnection(), true);
  }
  void Die() const {
    dynamic_cast<Consumer&>(recorder->Queue()).Abandon();
    EXPECT_EQ(recorder->TakeConnection(), false);
    EXPECT_EQ(recorder->TakeConnection(), true);
  }
};

// With the permissions that docs/rabbitmq.md gives to a relay.
class Replicated : public ::testing::Test {
 protected:
  static constexpr const char* kQueue = "asya-test-a";
  // configure, write, read
  static std::string Permissions(const std::string& own) {
    return R"({"configure":")" + own + R"(","write":")" + own + R"(|amq\\.default","read":"asya[.-].*"})";
  }

  void SetUp() override {
    if (!RabbitmqVhost::IsThere()) GTEST_SKIP() << "needs a server: run under tools/rabbitmq run";
    vhost_ = std::make_unique<RabbitmqVhost>();
    user_ = vhost_->name();
    RabbitmqVhost::Call("PUT", "/api/users/" + user_, R"({"password":"of-a-relay","tags":""})");
    Permit(Permissions(R"(asya\\.(delay\\..*|due|lost|pardon.*))"));
    AdministrationSettings settings;
    settings.address = vhost_->address();
    settings.queue_type = queue_type();
    administration_ = std::make_unique<Administration>(settings, RealClock());
    administration_->Start();
    ASSERT_TRUE(administration_->Ensure({kQueue, "uid-1"}).ok());
  }
  [[nodiscard]] virtual QueueType queue_type() const { return QueueType::kQuorum; }
  void TearDown() override {
    if (!user_.empty()) RabbitmqVhost::Call("DELETE", "/api/users/" + user_);
  }
  void Permit(const std::string& permissions) {
    RabbitmqVhost::Call("PUT", "/api/permissions/" + vhost_->name() + "/" + user_, permissions);
  }
  Replica NewReplica(std::chrono::milliseconds hearing = std::chrono::seconds(5)) {
    ConsumerSettings settings;
    settings.address = vhost_->address();
    std::uint16_t port = 0;
    std::from_chars(settings.address.port.data(), settings.address.port.data() + settings.address.port.size(), port);
    Replica replica{std::make_unique<tests::TcpProxy>(port), nullptr};
    settings.address.host = "127.0.0.1";
    settings.address.port = std::to_string(replica.proxy->port());
    settings.address.user = user_;
    settings.address.password = "of-a-relay";
    settings.queue = kQueue;
    settings.hearing = hearing;
    replica.recorder = std::make_unique<Recorder>(std::make_unique<Consumer>(settings, RealClock(), random_), 0);
    replica.recorder->Start();
    EXPECT_EQ(replica.recorder->TakeConnection(), true) << replica.recorder->LastReason();
    return replica;
  }
  std::vector<Replica> NewReplicas(int count) {
    std::vector<Replica> replicas;
    while (static_cast<int>(replicas.size()) < count) replicas.push_back(NewReplica());
    return replicas;
  }
  void Publish(const std::string& body) {
    ASSERT_TRUE(administration_->Publish({{kQueue, body, "id-" + body.substr(0, 8)}}, kPatience).ok());
  }

  Random random_{SystemSeed()};
  std::unique_ptr<RabbitmqVhost> vhost_;
  std::string user_;
  std::unique_ptr<Administration> administration_;
};

// The first call of a message is not written down.
constexpr int kDeathsMax = ports::kLeastCrashLimit + 1;

class Pardoned : public Replicated, public ::testing::WithParamInterface<QueueType> {
 protected:
  [[nodiscard]] QueueType queue_type() const override { return GetParam(); }
};

TEST_P(Pardoned, ConnectionsThatBreakUnderLivingRelaysCountNothingForOthers) {
  Publish("healthy");
  const auto replicas = NewReplicas(8);
  for (int round = 0; round < 2; ++round) {
    for (const Replica& replica : replicas) {
      EXPECT_LT(replica.Hold().crash_count, ports::kLeastCrashLimit);
      replica.Break();
    }
  }
}

// Its outcome waits for it, and who takes its place in the queue may take long.
TEST_P(Pardoned, WhatRunsHereComesBackHereWhenItsConnectionBreaksSomeTimes) {
  Publish("running");
  const Replica replica = NewReplica();
  EXPECT_EQ(replica.Hold().body, "running");
  Publish("behind");
  for (int round = 1; round <= kUnwrittenLossesOfOwnMax; ++round) {
    replica.Break();
    EXPECT_EQ(replica.Hold().body, "running") << round;
  }
}

TEST_P(Pardoned, RelaysThatCameTooLateAskBeforeAMessageIsGivenUp) {
  Publish("healthy");
  std::vector<Replica> replicas;
  for (int i = 0; i < 8; ++i) {
    // It was not there when the others told each other.
    replicas.push_back(NewReplica());
    EXPECT_LT(replicas.back().Hold().crash_count, ports::kLeastCrashLimit);
    replicas.back().Break();
  }
}

TEST_P(Pardoned, WhatWasPardonedIsNotForgottenWithThoseWhoKnew) {
  Publish("healthy");
  {
    const auto replicas = NewReplicas(2);
    for (int round = 0; round < 4; ++round) {
      for (const Replica& replica : replicas) {
        EXPECT_LT(replica.Hold().crash_count, ports::kLeastCrashLimit);
        replica.Break();
      }
    }
    for (const Replica& replica : replicas) replica.Die();
  }
  EXPECT_LT(NewReplica().Hold().crash_count, ports::kLeastCrashLimit);
}

TEST_P(Pardoned, WhatOnlyARelayKnewThatHasEndedInGoodOrderIsKnown) {
  Publish("healthy");
  const Replica stays = NewReplica();
  for (int i = 0; i < 7; ++i) {
    const Replica ends = NewReplica();
    EXPECT_LT(ends.Hold().crash_count, ports::kLeastCrashLimit);
    ends.Break();
    ends.recorder->Queue().Stop(kPatience);
  }
  EXPECT_LT(stays.Hold().crash_count, ports::kLeastCrashLimit);
}

// A classic queue tells of one loss only, and may have the message twice when a connection breaks after that was noted.
TEST_F(Replicated, DeathsCountThoughConnectionsBreakAsWell) {
  Publish("poison");
  const auto replicas = NewReplicas(3);
  for (int death = 0; death < kDeathsMax; ++death) {
    EXPECT_GE(replicas[0].Call().crash_count, std::min<std::int64_t>(death, ports::kLeastCrashLimit - 1));
    replicas[0].Die();
    EXPECT_GE(replicas[1].Hold().crash_count, std::min<std::int64_t>(death + 1, ports::kLeastCrashLimit - 1));
    replicas[1].Break();
  }
  EXPECT_EQ(replicas[2].Hold().crash_count, ports::kLeastCrashLimit);
}

TEST_P(Pardoned, OthersDoNotWaitBehindAMessageInDoubt) {
  Publish("poison");
  {
    const Replica dies = NewReplica();
    for (int death = 0; death < kDeathsMax; ++death) {
      EXPECT_EQ(dies.Call().crash_count, std::min<std::int64_t>(death, ports::kLeastCrashLimit - 1));
      dies.Die();
    }
  }
  const Replica replica = NewReplica();
  Publish("healthy");
  const auto first = replica.Hold();
  EXPECT_EQ(first.body, "healthy");
  EXPECT_TRUE(replica.recorder->Settle(Ack(first.tag)).ok());
  const auto second = replica.Hold();
  EXPECT_EQ(second.body, "poison");
  EXPECT_EQ(second.crash_count, ports::kLeastCrashLimit);
}

TEST_P(Pardoned, WhatIsTooLargeToBeGivenBackAsACopyCountsNothing) {
  Publish("large " + std::string(kKeptBodyBytesMax, 'x'));
  const auto replicas = NewReplicas(2);
  for (int i = 0; i < 8; ++i) {
    const Replica& replica = replicas[static_cast<std::size_t>(i % 2)];
    const auto delivery = replica.Hold();
    EXPECT_LT(delivery.crash_count, ports::kLeastCrashLimit);
    ports::Settlement settlement;
    settlement.tag = delivery.tag;
    settlement.action = ports::Settlement::Action::kGiveBack;
    EXPECT_TRUE(replica.recorder->Settle(settlement).ok());
  }
}

TEST_P(Pardoned, ARelayThatMayNotListenWorksAlone) {
  Permit(Permissions(R"(asya\\.(delay\\..*|due|lost))"));
  Publish("healthy");
  const Replica replica = NewReplica();
  for (int i = 0; i < 7; ++i) {
    EXPECT_EQ(replica.Hold().crash_count, 0);
    replica.Break();
  }
}

INSTANTIATE_TEST_SUITE_P(Each, Pardoned, ::testing::Values(QueueType::kQuorum, QueueType::kClassic),
                         [](const auto& type) { return type.param == QueueType::kQuorum ? "quorum" : "classic"; });

}  // namespace
}  // namespace asya::transports::rabbitmq
