// Failure: consumers that die, brokers that restart, leases that are lost, poison.
#include <gmock/gmock.h>

#include <algorithm>

#include "transports/conformance/message_queue_suite.h"

namespace asya::transports::conformance {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_P(MessageQueueSuite, ADeadConsumersMessagesGoToAnother) {
  transport_->ExpectDeaths();
  MakeQueue("asya-test-a");
  Publish("asya-test-a", {"1", "2", "3"});
  auto dying = Consume("asya-test-a", 3);
  ASSERT_EQ(dying->Take(3).size(), 3U);
  auto other = Consume("asya-test-a", 0);
  dying->Queue().RevokeCredits();
  transport_->Cut(dying->Queue());
  other->Queue().Grant(3);
  dying.reset();
  // One after the other: a transport may give out alone what may have killed somebody.
  std::vector<std::string> seen;
  for (int i = 0; i < 3; ++i) {
    const auto taken = other->Take(1);
    ASSERT_EQ(taken.size(), 1U);
    seen.push_back(taken[0].body);
    EXPECT_LE(taken[0].crash_count, transport_->Knows().started ? 0 : 1);
    EXPECT_TRUE(other->Settle(Ack(taken[0].tag)).ok());
  }
  EXPECT_THAT(seen, ::testing::UnorderedElementsAre("1", "2", "3"));
  ExpectDepth("asya-test-a", 0, 0, 0);
}

TEST_P(MessageQueueSuite, AnInvocationThatNeverReportsIsCounted) {
  transport_->ExpectDeaths();
  MakeQueue("asya-test-a");
  Publish("asya-test-a", {"1"});
  auto consumer = Consume("asya-test-a", 1);
  auto taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  ASSERT_TRUE(consumer->Begin(taken[0].tag, 1).ok());
  transport_->Cut(consumer->Queue());
  taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].crash_count, 1);
}

TEST_P(MessageQueueSuite, PoisonIsCountedAndNeverDropped) {
  transport_->ExpectDeaths();
  MakeQueue("asya-test-a");
  Publish("asya-test-a", {"poison"});
  auto consumer = Consume("asya-test-a", 1);
  constexpr std::int64_t kCrashes = 6;
  // One who cannot tell a first call from none may leave that one out before it is given up.
  const std::int64_t unproven = transport_->Knows().started ? kCrashes : ports::kLeastCrashLimit - 1;
  for (std::int64_t crash = 0; crash < kCrashes; ++crash) {
    const auto taken = consumer->Take(1);
    ASSERT_EQ(taken.size(), 1U);
    ASSERT_EQ(taken[0].body, "poison");
    ASSERT_LE(taken[0].crash_count, crash);
    ASSERT_GE(taken[0].crash_count, std::min(crash, unproven));
    ASSERT_TRUE(consumer->Begin(taken[0].tag, crash + 1).ok());
    transport_->Cut(consumer->Queue());
  }
  auto taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_LE(taken[0].crash_count, kCrashes);
  EXPECT_GE(taken[0].crash_count, transport_->Knows().started ? kCrashes : ports::kLeastCrashLimit);
  EXPECT_TRUE(consumer->Settle(Ack(taken[0].tag)).ok());
  Publish("asya-test-a", {"good"});
  EXPECT_THAT(TakeAll("asya-test-a", 1), ElementsAre("good"));
}

TEST_P(MessageQueueSuite, ALostLeaseIsAConflict) {
  transport_->ExpectDeaths();
  MakeQueue("asya-test-a");
  MakeQueue("asya-test-b");
  Publish("asya-test-a", {"1"});
  auto consumer = Consume("asya-test-a", 1);
  const auto lost = consumer->Take(1);
  ASSERT_EQ(lost.size(), 1U);
  transport_->Cut(consumer->Queue());
  const auto taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_NE(taken[0].tag, lost[0].tag);
  EXPECT_EQ(consumer->Begin(lost[0].tag, 1).error().code, ErrorCode::kConflict);
  EXPECT_EQ(consumer->Settle(Ack(lost[0].tag, {{"asya-test-b", "late", "m"}})).error().code, ErrorCode::kConflict);
  EXPECT_THAT(TakeAll("asya-test-b", 0), IsEmpty());
  EXPECT_TRUE(consumer->Settle(Ack(taken[0].tag)).ok());
  ExpectDepth("asya-test-a", 0, 0, 0);
}

TEST_P(MessageQueueSuite, ALossOfTheConnectionIsToldBeforeTheReturn) {
  transport_->ExpectDeaths();
  MakeQueue("asya-test-a");
  auto consumer = Consume("asya-test-a", 1);
  transport_->Cut(consumer->Queue());
  EXPECT_EQ(consumer->TakeConnection(), false);
  EXPECT_EQ(consumer->TakeConnection(), true);
}

TEST_P(MessageQueueSuite, SurvivesARestartOfTheBroker) {
  transport_->ExpectDeaths();
  MakeQueue("asya-test-a");
  MakeQueue("asya-test-b");
  const std::vector<std::string> bodies = {"settled", "leased", "waiting"};
  Publish("asya-test-a", bodies);
  auto consumer = Consume("asya-test-a", 2);
  auto taken = consumer->Take(2);
  ASSERT_EQ(taken.size(), 2U);
  const std::string settled = taken[0].body;
  ASSERT_TRUE(consumer->Settle(Ack(taken[0].tag, {{"asya-test-b", "out", "m"}})).ok());
  transport_->RestartBroker();
  taken = consumer->Take(2);
  ASSERT_EQ(taken.size(), 2U);
  ExpectBodies({settled, taken[0].body, taken[1].body}, bodies);
  EXPECT_TRUE(consumer->Settle(Ack(taken[0].tag)).ok());
  EXPECT_TRUE(consumer->Settle(Ack(taken[1].tag)).ok());
  ExpectDepth("asya-test-a", 0, 0, 0);
  EXPECT_THAT(TakeAll("asya-test-b", 1), ElementsAre("out"));
}

TEST_P(MessageQueueSuite, DelaysSurviveARestartOfTheBroker) {
  transport_->ExpectDeaths();
  MakeQueue("asya-test-a");
  Publish("asya-test-a", {"1"});
  // One credit is left over: a consumer that had nothing to do may not even hear of the restart.
  auto consumer = Consume("asya-test-a", 2);
  auto taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  constexpr std::chrono::milliseconds kDelay{400};
  const auto began = std::chrono::steady_clock::now();
  ASSERT_TRUE(consumer->Settle(Retry(taken[0].tag, "again", kDelay)).ok());
  transport_->RestartBroker();
  taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].body, "again");
  EXPECT_GE(std::chrono::steady_clock::now() - began, kDelay);
}

TEST_P(MessageQueueSuite, StopGivesBackWhatIsLeased) {
  MakeQueue("asya-test-a");
  Publish("asya-test-a", {"1", "2"});
  auto consumer = Consume("asya-test-a", 2);
  const auto taken = consumer->Take(2);
  ASSERT_EQ(taken.size(), 2U);
  ASSERT_TRUE(consumer->Settle(Ack(taken[0].tag)).ok());
  consumer->Queue().Stop(kPatience);
  ExpectDepth("asya-test-a", 1, 0, 0);
  consumer->Queue().Stop(kPatience);
  EXPECT_THAT(TakeAll("asya-test-a", 1), ElementsAre(taken[1].body));
}

TEST_P(MessageQueueSuite, StopFlushesSettlementsUnderWay) {
  MakeQueue("asya-test-a");
  MakeQueue("asya-test-b");
  constexpr std::size_t kMessages = 100;
  Publish("asya-test-a", std::vector<std::string>(kMessages, "x"));
  auto consumer = Consume("asya-test-a", kMessages);
  const auto taken = consumer->Take(kMessages);
  ASSERT_EQ(taken.size(), kMessages);
  for (const auto& delivery : taken) consumer->Queue().Settle(Ack(delivery.tag, {{"asya-test-b", "y", "m"}}));
  consumer->Queue().Stop(kPatience);
  ExpectDepth("asya-test-a", 0, 0, 0);
  ExpectDepth("asya-test-b", kMessages, 0, 0);
}

TEST_P(MessageQueueSuite, AConsumerWaitsForItsQueueToBeMade) {
  Recorder consumer(transport_->NewConsumer("asya-test-late"), 1);
  consumer.Start();
  EXPECT_EQ(consumer.TakeConnection(), false);
  EXPECT_THAT(consumer.LastReason(), ::testing::HasSubstr("asya-test-late"));
  MakeQueue("asya-test-late");
  EXPECT_TRUE(consumer.WaitConnected(true));
  Publish("asya-test-late", {"1"});
  EXPECT_EQ(consumer.Take(1).size(), 1U);
}

TEST_P(MessageQueueSuite, AQueueRemovedUnderAConsumerVoidsItsLeases) {
  transport_->ExpectDeaths();
  MakeQueue("asya-test-a");
  Publish("asya-test-a", {"1"});
  auto consumer = Consume("asya-test-a", 1);
  ASSERT_EQ(consumer->Take(1).size(), 1U);
  ASSERT_TRUE(Admin().Remove("asya-test-a", true).ok());
  EXPECT_TRUE(consumer->WaitConnected(false));
  MakeQueue("asya-test-a");
  EXPECT_TRUE(consumer->WaitConnected(true));
  ExpectDepth("asya-test-a", 0, 0, 0);
}

}  // namespace asya::transports::conformance
