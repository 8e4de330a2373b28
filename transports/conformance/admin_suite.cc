// Queue administration: make, remove, measure, owners, hints.
#include <gmock/gmock.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "transports/conformance/message_queue_suite.h"

namespace asya::transports::conformance {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

TEST_P(MessageQueueSuite, AQueueIsMadeOnceAndBelongsToItsOwner) {
  EXPECT_TRUE(Admin().Ensure({"asya-test-a", "uid-1"}).ok());
  EXPECT_TRUE(Admin().Ensure({"asya-test-a", "uid-1"}).ok());
  const Status stolen = Admin().Ensure({"asya-test-a", "uid-2"});
  ASSERT_FALSE(stolen.ok());
  EXPECT_EQ(stolen.error().code, ErrorCode::kConflict);
  EXPECT_TRUE(Admin().Ensure({"asya-test-b", "uid-2"}).ok());
  const auto names = Admin().List();
  ASSERT_TRUE(names.ok());
  EXPECT_THAT(*names, UnorderedElementsAre("asya-test-a", "asya-test-b"));
}

TEST_P(MessageQueueSuite, AQueueWithMessagesIsRemovedOnlyByForce) {
  MakeQueue("asya-test-a");
  Publish("asya-test-a", {"1", "2", "3"});
  const Status refused = Admin().Remove("asya-test-a", false);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
  EXPECT_THAT(refused.error().message, HasSubstr("3"));
  ExpectDepth("asya-test-a", 3, 0, 0);
  EXPECT_TRUE(Admin().Remove("asya-test-a", true).ok());
  EXPECT_TRUE(Admin().Remove("asya-test-a", false).ok());
  EXPECT_EQ(Admin().Stats("asya-test-a").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(transport_->Publisher().Publish({{"asya-test-a", "x", "m"}}, kPatience).error().code,
            ErrorCode::kUnroutable);
}

TEST_P(MessageQueueSuite, ALeasedMessageKeepsItsQueue) {
  MakeQueue("asya-test-a");
  Publish("asya-test-a", {"1"});
  auto consumer = Consume("asya-test-a", 1);
  const auto taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(Admin().Remove("asya-test-a", false).error().code, ErrorCode::kConflict);
  EXPECT_TRUE(consumer->Settle(Ack(taken[0].tag)).ok());
  // A broker may not tell a consumer that holds nothing from one that does, and may count both with a lag.
  consumer.reset();
  ExpectDepth("asya-test-a", 0, 0, 0);
  const auto limit = std::chrono::steady_clock::now() + kPatience;
  Status removed = Admin().Remove("asya-test-a", false);
  while (!removed.ok() && std::chrono::steady_clock::now() < limit) {
    EXPECT_EQ(removed.error().code, ErrorCode::kConflict) << removed.error().message;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    removed = Admin().Remove("asya-test-a", false);
  }
  EXPECT_TRUE(removed.ok());
}

TEST_P(MessageQueueSuite, AQueueMadeAgainIsEmptyAndWorks) {
  MakeQueue("asya-test-a");
  Publish("asya-test-a", {"old"});
  ASSERT_TRUE(Admin().Remove("asya-test-a", true).ok());
  ASSERT_TRUE(Admin().Ensure({"asya-test-a", "uid-2"}).ok());
  ExpectDepth("asya-test-a", 0, 0, 0);
  Publish("asya-test-a", {"new"});
  EXPECT_THAT(TakeAll("asya-test-a", 1), ::testing::ElementsAre("new"));
}

TEST_P(MessageQueueSuite, StatsCountEachStateOfAMessage) {
  MakeQueue("asya-test-a");
  MakeQueue("asya-test-b");
  Publish("asya-test-a", {"1", "2", "3"});
  auto consumer = Consume("asya-test-a", 2);
  const auto taken = consumer->Take(2);
  ASSERT_EQ(taken.size(), 2U);
  ExpectDepth("asya-test-a", 1, 0, 2);
  ASSERT_TRUE(consumer->Settle(Retry(taken[0].tag, "1", std::chrono::hours(1))).ok());
  ExpectDepth("asya-test-a", 1, 1, 1);
  ASSERT_TRUE(consumer->Settle(Ack(taken[1].tag, {{"asya-test-b", "x", "m"}})).ok());
  ExpectDepth("asya-test-a", 1, 1, 0);
  const auto stats = Stats("asya-test-a");
  EXPECT_TRUE(stats.oldest_age.count() > 0 || !transport_->Knows().oldest_age);
  if (!transport_->Knows().totals) return;
  EXPECT_EQ(stats.arrived_total, 3);
  EXPECT_EQ(stats.settled_total, 1);
  EXPECT_EQ(Stats("asya-test-b").arrived_total, 1);
}

TEST_P(MessageQueueSuite, AHintFollowsAMessageThatBecomesVisible) {
  MakeQueue("asya-test-a");
  MakeQueue("asya-test-b");
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, int> hints;
  auto wait_for = [&](const std::string& queue, int count) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, kPatience, [&] { return hints[queue] >= count; });
  };
  auto subscription = Admin().SubscribeHints([&](const std::string& queue) {
    const std::lock_guard lock(mutex);
    ++hints[queue];
    changed.notify_all();
  });
  Publish("asya-test-a", {"1"});
  EXPECT_TRUE(wait_for("asya-test-a", 1));
  auto consumer = Consume("asya-test-a", 1);
  auto taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  ASSERT_TRUE(consumer->Settle(Ack(taken[0].tag, {{"asya-test-b", "out", "m"}})).ok());
  EXPECT_TRUE(wait_for("asya-test-b", 1));
  Publish("asya-test-a", {"2"});
  consumer->Queue().Grant(1);
  taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  int before = 0;
  {
    const std::lock_guard lock(mutex);
    before = hints["asya-test-a"];
  }
  ASSERT_TRUE(consumer->Settle(Retry(taken[0].tag, "2", std::chrono::milliseconds(50))).ok());
  EXPECT_TRUE(wait_for("asya-test-a", before + 1));
  subscription.reset();
}

}  // namespace asya::transports::conformance
