// RabbitMQ with a network that fails: every message arrives, and the consumer is back by itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <charconv>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>

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

ConsumerSettings SettingsFor(const BrokerAddress& address, const std::string& queue) {
  ConsumerSettings settings;
  settings.address = address;
  settings.queue = queue;
  return settings;
}

// A relay whose handler does nothing: each message goes on to another queue under the id it came with.
class Forwarder final : public ports::ConsumerEvents {
 public:
  Forwarder(ports::MessageQueue& queue, std::string to) : queue_(queue), to_(std::move(to)) {}

  void OnDeliveries(std::vector<ports::Delivery> deliveries) override {
    for (ports::Delivery& delivery : deliveries) {
      ports::Settlement settlement;
      settlement.tag = delivery.tag;
      settlement.publish.push_back({to_, delivery.body, "derived-" + delivery.body});
      queue_.Settle(std::move(settlement));
    }
  }
  void OnStarted(ports::DeliveryTag, Status) override {}
  void OnSettled(ports::DeliveryTag, Status status) override {
    if (!status.ok()) return;
    queue_.Grant(1);
    const std::lock_guard lock(mutex_);
    ++settled_;
    changed_.notify_all();
  }
  void OnConnection(bool connected, const std::string&) override {
    constexpr std::size_t kCredits = 64;
    if (connected) queue_.Grant(kCredits);
    const std::lock_guard lock(mutex_);
    if (!connected) ++losses_;
  }
  bool WaitSettled(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return settled_ >= count; });
  }
  int losses() {
    const std::lock_guard lock(mutex_);
    return losses_;
  }

 private:
  ports::MessageQueue& queue_;
  const std::string to_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int settled_ = 0;
  int losses_ = 0;
};

class RabbitmqFaults : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!RabbitmqVhost::IsThere()) GTEST_SKIP() << "needs a server: run under tools/rabbitmq run";
    vhost_ = std::make_unique<RabbitmqVhost>();
    const BrokerAddress direct = vhost_->address();
    std::uint16_t port = 0;
    std::from_chars(direct.port.data(), direct.port.data() + direct.port.size(), port);
    proxy_ = std::make_unique<tests::TcpProxy>(port);
    AdministrationSettings settings;
    settings.address = direct;
    administration_ = std::make_unique<Administration>(settings, RealClock());
    administration_->Start();
    for (const char* queue : {"asya-test-a", "asya-test-b"}) {
      ASSERT_TRUE(administration_->Ensure({queue, "uid-1"}).ok());
    }
  }
  // With the heartbeat of a relay no wait of this machine is taken for silence.
  std::unique_ptr<Consumer> NewConsumer(std::chrono::seconds heartbeat = ConsumerSettings{}.heartbeat) {
    ConsumerSettings settings = SettingsFor(vhost_->address(), "asya-test-a");
    settings.address.host = "127.0.0.1";
    settings.address.port = std::to_string(proxy_->port());
    settings.heartbeat = heartbeat;
    return std::make_unique<Consumer>(settings, RealClock(), random_);
  }
  void Publish(int from, int count) {
    std::vector<ports::Outgoing> messages;
    for (int i = from; i < from + count; ++i) messages.push_back({"asya-test-a", std::to_string(i), std::to_string(i)});
    ASSERT_TRUE(administration_->Publish(messages, kPatience).ok());
  }
  // What stands in the second queue: body -> how often.
  std::map<std::string, int> Arrived(std::size_t at_least) {
    ConsumerSettings settings = SettingsFor(vhost_->address(), "asya-test-b");
    Recorder reader(std::make_unique<Consumer>(settings, RealClock(), random_), at_least * 4);
    reader.Start();
    std::map<std::string, int> bodies;
    std::vector<ports::DeliveryTag> tags;
    while (bodies.size() < at_least) {
      const auto taken = reader.Take(1);
      if (taken.empty()) break;
      ++bodies[taken[0].body];
      static_cast<void>(reader.Settle(Ack(taken[0].tag)));
    }
    return bodies;
  }
  // Messages that nobody has leased.
  std::int64_t Visible(const std::string& queue) { return administration_->Stats(queue)->visible; }

  Random random_{SystemSeed()};
  std::unique_ptr<RabbitmqVhost> vhost_;
  std::unique_ptr<tests::TcpProxy> proxy_;
  std::unique_ptr<Administration> administration_;
};

TEST_F(RabbitmqFaults, NothingIsLostHoweverOftenTheConnectionsAreCut) {
  constexpr int kMessages = 2000;
  constexpr int kCuts = 8;
  Publish(0, kMessages);
  auto consumer = NewConsumer();
  Forwarder forwarder(*consumer, "asya-test-b");
  consumer->Start(forwarder);
  for (int cut = 1; cut <= kCuts; ++cut) {
    ASSERT_TRUE(forwarder.WaitSettled(cut * 100));
    proxy_->Cut();
  }
  EXPECT_EQ(Arrived(kMessages).size(), static_cast<std::size_t>(kMessages));
  consumer->Stop(kPatience);
  EXPECT_GE(forwarder.losses(), 1);
  EXPECT_EQ(Visible("asya-test-a"), 0);
}

TEST_F(RabbitmqFaults, AConnectionThatFallsSilentIsGivenUp) {
  Recorder recorder(NewConsumer(std::chrono::seconds(1)), 4);
  recorder.Start();
  ASSERT_EQ(recorder.TakeConnection(), true);
  proxy_->Freeze();
  EXPECT_EQ(recorder.TakeConnection(), false);
  EXPECT_THAT(recorder.LastReason(), ::testing::HasSubstr("silent"));
  // With a heartbeat of a second, a busy machine may take more than one try.
  EXPECT_TRUE(recorder.WaitConnected(true));
  Publish(0, 1);
  EXPECT_EQ(recorder.Take(1).size(), 1U);
}

TEST_F(RabbitmqFaults, AHalfClosedConnectionIsGivenUp) {
  Recorder recorder(NewConsumer(), 4);
  recorder.Start();
  ASSERT_EQ(recorder.TakeConnection(), true);
  proxy_->HalfClose();
  // It may be back before anybody looks.
  EXPECT_EQ(recorder.TakeConnection(), false);
  EXPECT_EQ(recorder.TakeConnection(), true);
  Publish(0, 1);
  EXPECT_EQ(recorder.Take(1).size(), 1U);
}

TEST_F(RabbitmqFaults, WhatWasLeasedHereComesBackAsNoSuspectAndAllAtOnce) {
  Publish(0, 3);
  Recorder recorder(NewConsumer(), 3);
  recorder.Start();
  const auto before = recorder.Take(3);
  ASSERT_EQ(before.size(), 3U);
  ASSERT_TRUE(recorder.Begin(before[0].tag, 1).ok());
  proxy_->Cut();
  const auto after = recorder.Take(3);
  ASSERT_EQ(after.size(), 3U);
  for (const auto& delivery : after) EXPECT_EQ(delivery.crash_count, 0);
}

TEST_F(RabbitmqFaults, WhatIsOnItsWayWhenCreditsAreRevokedCountsNoCrash) {
  constexpr std::size_t kMessages = 1000;
  std::vector<ports::Outgoing> messages;
  for (std::size_t i = 0; i < kMessages; ++i) {
    messages.push_back({"asya-test-a", std::string(4096, 'x') + std::to_string(i), std::to_string(i)});
  }
  ASSERT_TRUE(administration_->Publish(messages, kPatience).ok());
  Recorder recorder(NewConsumer(), 0);
  recorder.Start();
  ASSERT_TRUE(recorder.WaitConnected(true));
  std::set<std::string> seen;
  while (seen.size() < kMessages) {
    recorder.Queue().Grant(100);
    auto taken = recorder.Take(1);
    ASSERT_EQ(taken.size(), 1U);
    recorder.Queue().RevokeCredits();
    for (; !taken.empty(); taken = recorder.Take(1, std::chrono::milliseconds(1))) {
      EXPECT_EQ(taken[0].crash_count, 0) << "after " << seen.size();
      seen.insert(taken[0].body);
      ASSERT_TRUE(recorder.Settle(Ack(taken[0].tag)).ok());
    }
  }
}

TEST_F(RabbitmqFaults, AnActorThatIsMissingIsUnroutableAndNothingElseHappens) {
  Publish(0, 1);
  Recorder recorder(NewConsumer(), 1);
  recorder.Start();
  const auto taken = recorder.Take(1);
  ASSERT_EQ(taken.size(), 1U);
  for (const std::string& queue : {std::string("asya-test-none"), std::string(400, 'q')}) {
    const Status settled = recorder.Settle(Ack(taken[0].tag, {{queue, "x", "m"}}));
    ASSERT_FALSE(settled.ok());
    EXPECT_EQ(settled.error().code, ErrorCode::kUnroutable);
    EXPECT_EQ(settled.error().field, queue);
  }
  EXPECT_TRUE(recorder.Settle(Ack(taken[0].tag, {{"asya-test-b", "0", "m"}})).ok());
  EXPECT_EQ(Arrived(1).size(), 1U);
}

TEST_F(RabbitmqFaults, WhatComesDueForAQueueThatIsGoneIsKept) {
  Publish(0, 1);
  {
    Recorder recorder(NewConsumer(), 1);
    recorder.Start();
    const auto taken = recorder.Take(1);
    ASSERT_EQ(taken.size(), 1U);
    // Long enough for the queue to be removed before it comes due, also on a busy machine.
    ASSERT_TRUE(recorder.Settle(conformance::Retry(taken[0].tag, "again", std::chrono::seconds(3))).ok());
  }
  ASSERT_TRUE(administration_->Remove("asya-test-a", true).ok());
  ConsumerSettings settings = SettingsFor(vhost_->address(), kLost);
  Recorder lost(std::make_unique<Consumer>(settings, RealClock(), random_), 1);
  lost.Start();
  const auto kept = lost.Take(1);
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].body, "again");
}

TEST_F(RabbitmqFaults, AQueueWithOtherArgumentsKeepsItsBacklog) {
  Publish(0, 3);
  AdministrationSettings settings;
  settings.address = vhost_->address();
  settings.queue_type = QueueType::kClassic;
  Administration other(settings, RealClock());
  other.Start();
  const Status changed = other.Ensure({"asya-test-a", "uid-1"});
  ASSERT_FALSE(changed.ok());
  EXPECT_EQ(changed.error().code, ErrorCode::kConflict);
  EXPECT_EQ(Visible("asya-test-a"), 3);
}

TEST_F(RabbitmqFaults, AWrongPasswordIsToldAndNeverRepeated) {
  ConsumerSettings settings = SettingsFor(vhost_->address(), "asya-test-a");
  settings.address.password = "not-the-secret";
  Recorder recorder(std::make_unique<Consumer>(settings, RealClock(), random_), 1);
  recorder.Start();
  EXPECT_EQ(recorder.TakeConnection(), false);
  EXPECT_THAT(recorder.LastReason(), ::testing::HasSubstr("ACCESS_REFUSED"));
  EXPECT_THAT(recorder.LastReason(), ::testing::Not(::testing::HasSubstr("not-the-secret")));
}

TEST_F(RabbitmqFaults, ABrokerWithoutATrustedCertificateIsRefused) {
  ConsumerSettings settings = SettingsFor(vhost_->address(true), "asya-test-a");
  settings.address.ca_pem.clear();
  Recorder recorder(std::make_unique<Consumer>(settings, RealClock(), random_), 1);
  recorder.Start();
  EXPECT_EQ(recorder.TakeConnection(), false);
  EXPECT_THAT(recorder.LastReason(), ::testing::HasSubstr("certificate"));
}

}  // namespace
}  // namespace asya::transports::rabbitmq
