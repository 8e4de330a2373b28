// Begun: only a delivery that a call had begun with is a death, whatever the broker counts.
#include "transports/rabbitmq/begun.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "core/base/random.h"
#include "tests/support/rabbitmq_vhost.h"
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

constexpr int kLossesMax = 2 * ports::kLeastCrashLimit;

class Unbegun : public ::testing::TestWithParam<QueueType> {
 protected:
  static constexpr const char* kQueue = "asya-test-a";

  void SetUp() override {
    if (!RabbitmqVhost::IsThere()) GTEST_SKIP() << "needs a server: run under tools/rabbitmq run";
    vhost_ = std::make_unique<RabbitmqVhost>();
    AdministrationSettings settings;
    settings.address = vhost_->address();
    settings.queue_type = GetParam();
    administration_ = std::make_unique<Administration>(settings, RealClock());
    administration_->Start();
    ASSERT_TRUE(administration_->Ensure({kQueue, "uid-1"}).ok());
  }
  std::unique_ptr<Recorder> NewRelay() {
    ConsumerSettings settings;
    settings.address = vhost_->address();
    settings.queue = kQueue;
    settings.hearing = std::chrono::milliseconds(100);
    auto recorder = std::make_unique<Recorder>(std::make_unique<Consumer>(settings, RealClock(), random_), 0);
    recorder->Start();
    EXPECT_EQ(recorder->TakeConnection(), true) << recorder->LastReason();
    return recorder;
  }
  void Publish(const std::string& body) {
    ASSERT_TRUE(administration_->Publish({{kQueue, body, "id-" + body}}, kPatience).ok());
  }
  static ports::Delivery Hold(Recorder& recorder) {
    recorder.Queue().Grant(1);
    const auto taken = recorder.Take(1);
    EXPECT_EQ(taken.size(), 1U);
    return taken.empty() ? ports::Delivery{} : taken[0];
  }
  // A process that forgets everything; its next one.
  static void Die(Recorder& recorder) {
    dynamic_cast<Consumer&>(recorder.Queue()).Abandon();
    EXPECT_EQ(recorder.TakeConnection(), false);
    EXPECT_EQ(recorder.TakeConnection(), true);
  }
  // How many queues are records now.
  std::size_t Records() {
    const std::string queues = RabbitmqVhost::Call("GET", "/api/queues/" + vhost_->name() + "?columns=name");
    std::size_t count = 0;
    for (std::size_t at = queues.find(kBegunPrefix); at != std::string::npos; at = queues.find(kBegunPrefix, at + 1)) {
      ++count;
    }
    return count;
  }

  Random random_{SystemSeed()};
  std::unique_ptr<RabbitmqVhost> vhost_;
  std::unique_ptr<Administration> administration_;
};

// As what is on its way to a consumer that is cancelled, or to a connection that breaks: counted, and seen by nobody.
TEST_P(Unbegun, AMessageThatNoCallHadBegunWithIsNeverGivenUp) {
  Publish("healthy");
  const auto relay = NewRelay();
  for (int loss = 0; loss < kLossesMax; ++loss) {
    EXPECT_LT(Hold(*relay).crash_count, ports::kLeastCrashLimit) << loss;
    Die(*relay);
  }
  const auto last = Hold(*relay);
  EXPECT_LT(last.crash_count, ports::kLeastCrashLimit);
  ASSERT_TRUE(relay->Begin(last.tag, last.crash_count + 1).ok());
  EXPECT_EQ(Records(), 1U);
  EXPECT_TRUE(relay->Settle(Ack(last.tag)).ok());
  relay->Queue().Stop(kPatience);
  EXPECT_EQ(Records(), 0U);
}

// It had begun, and was given back before it was called.
TEST_P(Unbegun, WhatWasGivenBackAfterItHadBegunIsNoDeath) {
  Publish("healthy");
  const auto relay = NewRelay();
  for (int loss = 0; loss < kLossesMax; ++loss) {
    const auto held = Hold(*relay);
    EXPECT_LT(held.crash_count, ports::kLeastCrashLimit) << loss;
    ASSERT_TRUE(relay->Begin(held.tag, held.crash_count + 1).ok());
    ASSERT_TRUE(relay->Settle(conformance::GiveBack(held.tag)).ok());
    Hold(*relay);
    Die(*relay);
  }
  EXPECT_LT(Hold(*relay).crash_count, ports::kLeastCrashLimit);
  EXPECT_EQ(Records(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Each, Unbegun, ::testing::Values(QueueType::kQuorum, QueueType::kClassic),
                         [](const auto& type) { return type.param == QueueType::kQuorum ? "quorum" : "classic"; });

}  // namespace
}  // namespace asya::transports::rabbitmq
