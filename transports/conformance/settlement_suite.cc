// Settlement: ack with publishes, retry in place, give back, unroutable, each once.
#include <gmock/gmock.h>

#include <algorithm>

#include "transports/conformance/message_queue_suite.h"

namespace asya::transports::conformance {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_P(MessageQueueSuite, AnAckRemovesTheInputAndPublishesTheOutputs) {
  for (const char* name : {"asya-test-a", "asya-test-b", "asya-test-c"}) MakeQueue(name);
  Publish("asya-test-a", {"in"});
  auto consumer = Consume("asya-test-a", 5);
  const auto taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_TRUE(consumer
                  ->Settle(Ack(
                      taken[0].tag,
                      {{"asya-test-b", "out 1", "m1"}, {"asya-test-c", "out 2", "m2"}, {"asya-test-b", "out 3", "m3"}}))
                  .ok());
  ExpectDepth("asya-test-a", 0, 0, 0);
  ExpectBodies(TakeAll("asya-test-b", 2), {"out 1", "out 3"});
  EXPECT_THAT(TakeAll("asya-test-c", 1), ElementsAre("out 2"));
}

TEST_P(MessageQueueSuite, AnActorMaySendToItself) {
  MakeQueue("asya-test-a");
  Publish("asya-test-a", {"0"});
  auto consumer = Consume("asya-test-a", 3);
  for (int i = 0; i < 2; ++i) {
    const auto taken = consumer->Take(1);
    ASSERT_EQ(taken.size(), 1U);
    EXPECT_EQ(taken[0].body, std::to_string(i));
    EXPECT_TRUE(consumer->Settle(Ack(taken[0].tag, {{"asya-test-a", std::to_string(i + 1), "m"}})).ok());
  }
}

TEST_P(MessageQueueSuite, SettlementsMayComeInAnyOrder) {
  MakeQueue("asya-test-a");
  Publish("asya-test-a", {"1", "2", "3"});
  auto consumer = Consume("asya-test-a", 3);
  const auto taken = consumer->Take(3);
  ASSERT_EQ(taken.size(), 3U);
  for (const std::size_t index : {2U, 0U, 1U}) EXPECT_TRUE(consumer->Settle(Ack(taken[index].tag)).ok());
  ExpectDepth("asya-test-a", 0, 0, 0);
}

TEST_P(MessageQueueSuite, ManySettlementsAtOnceAllComeThrough) {
  MakeQueue("asya-test-a");
  MakeQueue("asya-test-b");
  constexpr std::size_t kMessages = 300;
  Publish("asya-test-a", std::vector<std::string>(kMessages, "x"));
  auto consumer = Consume("asya-test-a", kMessages);
  const auto taken = consumer->Take(kMessages);
  ASSERT_EQ(taken.size(), kMessages);
  for (const auto& delivery : taken) consumer->Queue().Settle(Ack(delivery.tag, {{"asya-test-b", "y", "m"}}));
  ExpectDepth("asya-test-a", 0, 0, 0);
  ExpectDepth("asya-test-b", kMessages, 0, 0);
  if (transport_->Knows().totals) {
    EXPECT_EQ(Stats("asya-test-a").settled_total, static_cast<std::int64_t>(kMessages));
  }
}

TEST_P(MessageQueueSuite, ARetryComesBackChangedAndNeverEarly) {
  MakeQueue("asya-test-a");
  Publish("asya-test-a", {"first"});
  auto consumer = Consume("asya-test-a", 2);
  auto taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  ASSERT_TRUE(consumer->Begin(taken[0].tag, 1).ok());
  const milliseconds delay = std::max(milliseconds(300), transport_->Knows().delay_step);
  const auto began = std::chrono::steady_clock::now();
  ASSERT_TRUE(consumer->Settle(Retry(taken[0].tag, "second", delay)).ok());
  taken = consumer->Take(1);
  const auto waited = std::chrono::steady_clock::now() - began;
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].body, "second");
  EXPECT_EQ(taken[0].crash_count, 0);
  EXPECT_GE(waited, delay);
  EXPECT_TRUE(consumer->Settle(Ack(taken[0].tag)).ok());
}

TEST_P(MessageQueueSuite, ARetryWithoutDelayComesBackAtOnce) {
  MakeQueue("asya-test-a");
  Publish("asya-test-a", {"first"});
  auto consumer = Consume("asya-test-a", 2);
  auto taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  ASSERT_TRUE(consumer->Settle(Retry(taken[0].tag, "second", {})).ok());
  taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].body, "second");
}

TEST_P(MessageQueueSuite, RetriesComeBackInTheOrderOfTheirTimes) {
  MakeQueue("asya-test-a");
  Publish("asya-test-a", {"slow", "fast"});
  auto consumer = Consume("asya-test-a", 4);
  auto taken = consumer->Take(2);
  ASSERT_EQ(taken.size(), 2U);
  const auto step = transport_->Knows().delay_step;
  const milliseconds soon = std::max(milliseconds(100), step);
  const milliseconds later = std::max(milliseconds(1100), 3 * step);
  const auto began = std::chrono::steady_clock::now();
  ASSERT_TRUE(consumer->Settle(Retry(taken[0].tag, "slow", later)).ok());
  ASSERT_TRUE(consumer->Settle(Retry(taken[1].tag, "fast", soon)).ok());
  // A machine that held this test up for so long between the two has made the slow one the first that is due.
  const bool fast_is_due_first = std::chrono::steady_clock::now() - began < later - soon;
  taken = consumer->Take(2);
  ASSERT_EQ(taken.size(), 2U);
  std::vector<std::string> bodies = {taken[0].body, taken[1].body};
  if (!fast_is_due_first) std::sort(bodies.begin(), bodies.end());
  EXPECT_THAT(bodies, ElementsAre("fast", "slow"));
}

TEST_P(MessageQueueSuite, WhatIsGivenBackIsThereAtOnceAsItWas) {
  MakeQueue("asya-test-a");
  Publish("asya-test-a", {"1"});
  auto consumer = Consume("asya-test-a", 1);
  auto taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  ASSERT_TRUE(consumer->Settle(GiveBack(taken[0].tag)).ok());
  ExpectDepth("asya-test-a", 1, 0, 0);
  auto other = Consume("asya-test-a", 1);
  taken = other->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].body, "1");
  EXPECT_EQ(taken[0].crash_count, 0);
}

TEST_P(MessageQueueSuite, GivingBackAnInvocationThatBeganCountsNoCrash) {
  MakeQueue("asya-test-a");
  Publish("asya-test-a", {"1"});
  auto consumer = Consume("asya-test-a", 1);
  auto taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  ASSERT_TRUE(consumer->Begin(taken[0].tag, 1).ok());
  ASSERT_TRUE(consumer->Settle(GiveBack(taken[0].tag)).ok());
  consumer->Queue().Grant(1);
  taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].crash_count, 0);
}

TEST_P(MessageQueueSuite, CrashesUnderALivingConsumerAreKeptWhenItGivesBack) {
  MakeQueue("asya-test-a");
  Publish("asya-test-a", {"poison"});
  auto consumer = Consume("asya-test-a", 1);
  constexpr std::int64_t kCrashes = ports::kLeastCrashLimit;
  for (std::int64_t crash = 0; crash < kCrashes; ++crash) {
    const auto taken = consumer->Take(1);
    ASSERT_EQ(taken.size(), 1U);
    ASSERT_EQ(taken[0].body, "poison");
    ASSERT_EQ(taken[0].crash_count, crash);
    ASSERT_TRUE(consumer->Begin(taken[0].tag, crash + 1).ok());
    ports::Settlement settlement = GiveBack(taken[0].tag);
    settlement.crash_count = crash + 1;
    ASSERT_TRUE(consumer->Settle(settlement).ok());
    consumer->Queue().Grant(1);
  }
  const auto taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].crash_count, kCrashes);
  EXPECT_TRUE(consumer->Settle(Ack(taken[0].tag)).ok());
  Publish("asya-test-a", {"good"});
  EXPECT_THAT(TakeAll("asya-test-a", 1), ElementsAre("good"));
}

TEST_P(MessageQueueSuite, SeveralCrashesUnderOneDeliveryAreKeptAndThoseBeforeItAreNeverForgotten) {
  MakeQueue("asya-test-a");
  Publish("asya-test-a", {"1"});
  auto consumer = Consume("asya-test-a", 1);
  for (const std::int64_t told : {3, 0}) {
    const auto taken = consumer->Take(1);
    ASSERT_EQ(taken.size(), 1U);
    ASSERT_TRUE(consumer->Begin(taken[0].tag, taken[0].crash_count + 1).ok());
    ports::Settlement settlement = GiveBack(taken[0].tag);
    settlement.crash_count = told;
    ASSERT_TRUE(consumer->Settle(settlement).ok());
    consumer->Queue().Grant(1);
  }
  const auto taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].crash_count, 3);
}

TEST_P(MessageQueueSuite, AnUnroutableOutputLeavesEverythingAsItWas) {
  MakeQueue("asya-test-a");
  MakeQueue("asya-test-b");
  Publish("asya-test-a", {"in"});
  auto consumer = Consume("asya-test-a", 2);
  const auto taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  const Status settled =
      consumer->Settle(Ack(taken[0].tag, {{"asya-test-b", "out", "m1"}, {"asya-test-none", "out", "m2"}}));
  ASSERT_FALSE(settled.ok());
  EXPECT_EQ(settled.error().code, ErrorCode::kUnroutable);
  EXPECT_EQ(settled.error().field, "asya-test-none");
  ExpectDepth("asya-test-a", 0, 0, 1);
  ExpectDepth("asya-test-b", 0, 0, 0);
  EXPECT_TRUE(consumer->Settle(Ack(taken[0].tag, {{"asya-test-b", "instead", "m3"}})).ok());
  EXPECT_THAT(TakeAll("asya-test-b", 1), ElementsAre("instead"));
}

TEST_P(MessageQueueSuite, ANameThatNoQueueCanHaveIsUnroutableAndHarmsNobodyElse) {
  MakeQueue("asya-test-a");
  MakeQueue("asya-test-b");
  using namespace std::string_literals;
  const std::vector<std::string> names = {"asya-test-b\0c"s, "asya-test-" + std::string(300, 'n'),
                                          "asya-test-b c/\xC3\xA9"};
  Publish("asya-test-a", std::vector<std::string>(names.size() + 1, "in"));
  auto consumer = Consume("asya-test-a", names.size() + 1);
  const auto taken = consumer->Take(names.size() + 1);
  ASSERT_EQ(taken.size(), names.size() + 1);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Status settled = consumer->Settle(Ack(taken[i].tag, {{names[i], "out", "m" + std::to_string(i)}}));
    ASSERT_FALSE(settled.ok()) << names[i];
    EXPECT_EQ(settled.error().code, ErrorCode::kUnroutable) << names[i] << ": " << settled.error().message;
    EXPECT_TRUE(consumer->Settle(Ack(taken[i].tag)).ok()) << names[i];
  }
  EXPECT_TRUE(consumer->Settle(Ack(taken.back().tag, {{"asya-test-b", "other", "m"}})).ok());
  EXPECT_THAT(TakeAll("asya-test-b", 1), ElementsAre("other"));
}

TEST_P(MessageQueueSuite, ADelayOfManyMonthsIsTaken) {
  MakeQueue("asya-test-a");
  Publish("asya-test-a", {"in"});
  auto consumer = Consume("asya-test-a", 2);
  const auto taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_TRUE(consumer->Settle(Retry(taken[0].tag, "later", std::chrono::hours(24 * 90))).ok());
  Publish("asya-test-a", {"next"});
  const auto next = consumer->Take(1);
  ASSERT_EQ(next.size(), 1U);
  EXPECT_EQ(next[0].body, "next");
}

TEST_P(MessageQueueSuite, ASecondSettlementOfTheSameDeliveryIsAConflict) {
  MakeQueue("asya-test-a");
  MakeQueue("asya-test-b");
  Publish("asya-test-a", {"in"});
  auto consumer = Consume("asya-test-a", 1);
  const auto taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  ASSERT_TRUE(consumer->Settle(Ack(taken[0].tag)).ok());
  const Status again = consumer->Settle(Ack(taken[0].tag, {{"asya-test-b", "double", "m"}}));
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, ErrorCode::kConflict);
  EXPECT_THAT(TakeAll("asya-test-b", 0), IsEmpty());
}

}  // namespace asya::transports::conformance
