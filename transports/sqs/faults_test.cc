// What SQS does to its clients: entries of batches that fail alone, long work, long delays, keys that are refused.
#include <gmock/gmock.h>

#include <functional>
#include <set>
#include <thread>

#include "core/base/random.h"
#include "tests/support/moto_region.h"
#include "transports/conformance/message_queue_suite.h"
#include "transports/sqs/administration.h"
#include "transports/sqs/consumer.h"

namespace asya::transports::sqs {
namespace {

using conformance::kPatience;
using conformance::Recorder;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kQueue = "asya-test-a";
constexpr const char* kNext = "asya-test-b";

class SqsFaults : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!tests::MotoRegion::IsThere()) GTEST_SKIP() << "needs a server: run under tools/moto run";
    AdministrationSettings settings;
    settings.service = region_.service();
    administration_ = std::make_unique<Administration>(settings, RealClock());
    administration_->Start();
    const Status made = administration_->Ensure({kQueue, "uid-1"});
    ASSERT_TRUE(made.ok()) << made.error().message;
  }
  std::unique_ptr<Recorder> Consume(std::size_t credits, std::chrono::seconds visibility = std::chrono::seconds(60)) {
    ConsumerSettings settings;
    settings.service = service_ ? *service_ : region_.service();
    settings.queue = kQueue;
    settings.wait = std::chrono::seconds(2);
    settings.visibility = visibility;
    auto recorder = std::make_unique<Recorder>(std::make_unique<Consumer>(settings, RealClock(), random_), credits);
    recorder->Start();
    return recorder;
  }
  void Publish(std::size_t count) {
    std::vector<ports::Outgoing> messages;
    for (std::size_t i = 0; i < count; ++i) messages.push_back({kQueue, std::to_string(i), "id-" + std::to_string(i)});
    const Status sent = administration_->Publish(messages, kPatience);
    ASSERT_TRUE(sent.ok()) << sent.error().message;
  }
  // One message whose lease cannot be renewed, and whose outputs SQS takes and does not answer.
  std::vector<ports::Delivery> TakeAndHoldItsOutputs(Recorder& consumer) {
    EXPECT_TRUE(administration_->Ensure({kNext, "uid-1"}).ok());
    region_.FailEntry("ChangeMessageVisibilityBatch", 0, 1000);
    Publish(1);
    auto taken = consumer.Take(1);
    region_.Hold(kNext, 60);
    return taken;
  }
  // Waits for a state of the server.
  void WaitUntil(const std::function<bool()>& holds) {
    const auto limit = std::chrono::steady_clock::now() + kPatience;
    while (!holds() && std::chrono::steady_clock::now() < limit) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    EXPECT_TRUE(holds());
  }
  std::int64_t CallsOf(const char* action) { return region_.CallCounts().GetInt(action).value_or(0); }
  bool Depth(std::int64_t visible, std::int64_t delayed, std::int64_t in_flight) {
    const auto stats = administration_->Stats(kQueue);
    return stats.ok() && stats->visible == visible && stats->delayed == delayed && stats->in_flight == in_flight;
  }
  void SendAll(const OutletSettings& settings, std::vector<Addressed> messages) {
    http::Transfers transfers(1);
    Calls calls(region_.service(), transfers, RealClock(), random_, nullptr);
    Outlets outlets(settings, calls, RealClock());
    std::optional<Status> sent;
    outlets.Send(std::move(messages), [&](const Status& s) { sent = s; });
    const auto limit = std::chrono::steady_clock::now() + kPatience;
    while (!sent && std::chrono::steady_clock::now() < limit) {
      outlets.Turn(true);
      calls.Turn();
      transfers.Turn(std::chrono::milliseconds(5));
    }
    ASSERT_TRUE(sent.has_value());
    EXPECT_TRUE(sent->ok()) << sent->error().message;
  }
  // Sends a message that is not due, as if the delay of SQS had passed already.
  void SendDueIn(std::chrono::seconds rest) {
    SendAll({}, {{kQueue, {"later", "id", {}, RealClock().Now() + rest, 0}}});
  }

  tests::MotoRegion region_;
  Random random_{1};
  std::optional<ServiceSettings> service_;
  std::unique_ptr<Administration> administration_;
};

TEST_F(SqsFaults, AnEntryThatFailsIsSentAgainAlone) {
  region_.FailEntry("SendMessageBatch", 3, 1);
  Publish(10);
  EXPECT_EQ(CallsOf("SendMessageBatch"), 2);
  auto consumer = Consume(20);
  std::multiset<std::string> seen;
  for (const auto& delivery : consumer->Take(10)) seen.insert(delivery.body);
  EXPECT_EQ(seen, (std::multiset<std::string>{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}));
  EXPECT_TRUE(Depth(0, 0, 10));
}

// Moto takes a megabyte a call at most, as SQS does.
TEST_F(SqsFaults, ACallThatIsRefusedAsAWholeIsMadeForEachEntryAlone) {
  constexpr std::size_t kEach = 200U * 1024;
  OutletSettings settings;
  settings.batch_bytes_max = 10 * kEach;
  std::vector<Addressed> messages;
  for (int i = 0; i < 9; ++i) messages.push_back({kQueue, {std::string(kEach, 'x'), std::to_string(i), {}, {}, 0}});
  SendAll(settings, std::move(messages));
  EXPECT_EQ(CallsOf("SendMessageBatch"), 10);
  EXPECT_TRUE(Depth(9, 0, 0));
}

TEST_F(SqsFaults, WhatCouldNotBeDeletedIsDeletedAgain) {
  Publish(10);
  region_.FailEntry("DeleteMessageBatch", 0, 2);
  auto consumer = Consume(10);
  const auto taken = consumer->Take(10);
  ASSERT_EQ(taken.size(), 10U);
  for (const auto& delivery : taken) consumer->Queue().Settle(conformance::Ack(delivery.tag));
  WaitUntil([&] { return Depth(0, 0, 0); });
}

TEST_F(SqsFaults, ALeaseIsKeptForAsLongAsTheWorkTakes) {
  Publish(1);
  auto consumer = Consume(1, std::chrono::seconds(6));
  const auto taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  // One renewal at each third of the lease: after four it would have ended.
  WaitUntil([&] { return CallsOf("ChangeMessageVisibilityBatch") >= 4; });
  EXPECT_TRUE(Depth(0, 0, 1));
  EXPECT_TRUE(consumer->Settle(conformance::Ack(taken[0].tag)).ok());
  WaitUntil([&] { return Depth(0, 0, 0); });
}

TEST_F(SqsFaults, ALeaseThatEndsWhileItsOutputsAreOnTheirWayIsSettledOnceTheyAreThere) {
  auto consumer = Consume(1, std::chrono::seconds(4));
  const auto taken = TakeAndHoldItsOutputs(*consumer);
  ASSERT_EQ(taken.size(), 1U);
  std::thread ended([&] {
    WaitUntil([&] { return Depth(1, 0, 0); });
    region_.Hold(kNext, 0);
  });
  const Status settled = consumer->Settle(conformance::Ack(taken[0].tag, {{kNext, "out", "m"}}));
  ended.join();
  EXPECT_TRUE(settled.ok()) << settled.error().message;
  WaitUntil([&] { return Depth(0, 0, 0); });
  EXPECT_EQ(administration_->Stats(kNext)->visible, 1);
}

TEST_F(SqsFaults, ALeaseThatEndsWhileItsOutputsFailIsAConflict) {
  auto consumer = Consume(1, std::chrono::seconds(4));
  const auto taken = TakeAndHoldItsOutputs(*consumer);
  ASSERT_EQ(taken.size(), 1U);
  std::thread ended([&] {
    WaitUntil([&] { return Depth(1, 0, 0); });
    region_.LoseQueue(kNext, 60);
    region_.Hold(kNext, 0);
  });
  const Status settled = consumer->Settle(conformance::Ack(taken[0].tag, {{kNext, "out", "m"}}));
  ended.join();
  ASSERT_FALSE(settled.ok());
  EXPECT_EQ(settled.error().code, ErrorCode::kConflict);
}

TEST_F(SqsFaults, ALeaseThatEndsWhileItIsSettledIsNoCrash) {
  auto consumer = Consume(2, std::chrono::seconds(4));
  const auto taken = TakeAndHoldItsOutputs(*consumer);
  ASSERT_EQ(taken.size(), 1U);
  consumer->Queue().Settle(conformance::Ack(taken[0].tag, {{kNext, "out", "m"}}));
  const auto again = consumer->Take(1);
  region_.Hold(kNext, 0);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].crash_count, 0);
}

TEST_F(SqsFaults, ADestinationThatFailsEndsNoLease) {
  ASSERT_TRUE(administration_->Ensure({kNext, "uid-1"}).ok());
  Publish(2);
  auto consumer = Consume(2, std::chrono::seconds(6));
  const auto taken = consumer->Take(2);
  ASSERT_EQ(taken.size(), 2U);
  ASSERT_EQ(consumer->TakeConnection(), true);
  region_.LoseQueue(kNext, 600);
  // As a relay does for as long as it takes; each lease has been renewed past its first end by then.
  while (CallsOf("ChangeMessageVisibilityBatch") < 4) {
    const Status settled = consumer->Settle(conformance::Ack(taken[0].tag, {{kNext, "out", "m"}}));
    ASSERT_FALSE(settled.ok());
    ASSERT_EQ(settled.error().code, ErrorCode::kUnavailable) << settled.error().message;
  }
  EXPECT_TRUE(consumer->Settle(conformance::Ack(taken[1].tag)).ok());
  region_.LoseQueue(kNext, 0);
  EXPECT_TRUE(consumer->Settle(conformance::Ack(taken[0].tag, {{kNext, "out", "m"}})).ok());
  EXPECT_EQ(consumer->TakeConnection(std::chrono::milliseconds(1)), std::nullopt);
}

TEST_F(SqsFaults, WhatIsDueLaterThanSqsCanDelayIsHiddenAndNotDelivered) {
  SendDueIn(std::chrono::hours(2));
  auto consumer = Consume(1);
  WaitUntil([&] { return CallsOf("ChangeMessageVisibilityBatch") >= 1; });
  EXPECT_TRUE(Depth(0, 0, 1));
  EXPECT_TRUE(consumer->Take(1, std::chrono::milliseconds(1)).empty());
}

TEST_F(SqsFaults, WhatIsDueSoonerIsDelayedBySqs) {
  SendDueIn(std::chrono::seconds(100));
  auto consumer = Consume(1);
  WaitUntil([&] { return Depth(0, 1, 0); });
  EXPECT_TRUE(consumer->Take(1, std::chrono::milliseconds(1)).empty());
}

TEST_F(SqsFaults, KeysThatAreRefusedAreToldWithoutTheirSecret) {
  service_ = region_.service();
  service_->credentials.keys.secret_access_key = "not-the-secret";
  auto consumer = Consume(1);
  EXPECT_EQ(consumer->TakeConnection(), false);
  EXPECT_THAT(consumer->LastReason(), HasSubstr("InvalidSignature"));
  EXPECT_THAT(consumer->LastReason(), Not(HasSubstr("not-the-secret")));
}

TEST_F(SqsFaults, AttributesThatWereChangedAreSetAgain) {
  EXPECT_TRUE(administration_->Ensure({kQueue, "uid-1"}).ok());
  EXPECT_EQ(CallsOf("SetQueueAttributes"), 0);
  AdministrationSettings settings;
  settings.service = region_.service();
  settings.message_bytes_max = 8192;
  settings.tags = {{"team", "a"}};
  Administration other(settings, RealClock());
  other.Start();
  EXPECT_TRUE(other.Ensure({kQueue, "uid-1"}).ok());
  EXPECT_EQ(CallsOf("SetQueueAttributes"), 1);
  EXPECT_EQ(CallsOf("TagQueue"), 1);
  EXPECT_TRUE(other.Ensure({kQueue, "uid-1"}).ok());
  EXPECT_EQ(CallsOf("SetQueueAttributes"), 1);
}

}  // namespace
}  // namespace asya::transports::sqs
