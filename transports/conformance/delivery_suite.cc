// Delivery: order, credits, sharing, size, what a message carries.
#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "transports/conformance/message_queue_suite.h"

namespace asya::transports::conformance {

using ports::Delivery;
using ::testing::ElementsAreArray;

void MessageQueueSuite::SetUp() {
  transport_ = GetParam().make();
  if (transport_ == nullptr)
    GTEST_SKIP() << "needs a server: run under tools/postgres, tools/rabbitmq, tools/moto and tools/pubsub run";
}

void MessageQueueSuite::MakeQueue(const std::string& name) {
  const Status made = Admin().Ensure({name, "uid-1"});
  ASSERT_TRUE(made.ok()) << made.error().message;
}

void MessageQueueSuite::Publish(const std::string& queue, const std::vector<std::string>& bodies) {
  std::vector<ports::Outgoing> messages;
  for (const auto& body : bodies) messages.push_back({queue, body, "id-" + std::to_string(messages.size())});
  const Status sent = transport_->Publisher().Publish(messages, kPatience);
  ASSERT_TRUE(sent.ok()) << sent.error().message;
}

std::unique_ptr<Recorder> MessageQueueSuite::Consume(const std::string& queue, std::size_t credits) {
  auto recorder = std::make_unique<Recorder>(transport_->NewConsumer(queue), credits);
  recorder->Start();
  EXPECT_EQ(recorder->TakeConnection(), true) << recorder->LastReason();
  return recorder;
}

ports::QueueStats MessageQueueSuite::Stats(const std::string& queue) {
  auto stats = Admin().Stats(queue);
  EXPECT_TRUE(stats.ok()) << stats.error().message;
  return stats.ok() ? *stats : ports::QueueStats{};
}

void MessageQueueSuite::ExpectDepth(const std::string& queue, std::int64_t visible, std::int64_t delayed,
                                    std::int64_t in_flight) {
  ports::QueueStats last;
  const auto limit = std::chrono::steady_clock::now() + kPatience;
  do {
    last = Stats(queue);
    if (!transport_->Knows().delayed) last.delayed = delayed;
    if (last.visible == visible && last.delayed == delayed && last.in_flight == in_flight) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  } while (std::chrono::steady_clock::now() < limit);
  ADD_FAILURE() << queue << " has visible " << last.visible << ", delayed " << last.delayed << ", in flight "
                << last.in_flight << "; expected " << visible << ", " << delayed << ", " << in_flight;
}

std::vector<std::string> MessageQueueSuite::TakeAll(const std::string& queue, std::size_t count) {
  auto consumer = Consume(queue, count + 1);
  std::vector<std::string> bodies;
  for (const auto& delivery : consumer->Take(count)) {
    bodies.push_back(delivery.body);
    EXPECT_TRUE(consumer->Settle(Ack(delivery.tag)).ok());
  }
  for (const auto& delivery : consumer->Take(1, std::chrono::milliseconds(1))) bodies.push_back(delivery.body);
  return bodies;
}

void MessageQueueSuite::ExpectBodies(std::vector<std::string> seen, std::vector<std::string> expected) const {
  if (!transport_->Knows().order) {
    std::sort(seen.begin(), seen.end());
    std::sort(expected.begin(), expected.end());
  }
  EXPECT_THAT(seen, ElementsAreArray(expected));
}

ports::Settlement Ack(ports::DeliveryTag tag, std::vector<ports::Outgoing> publish) {
  ports::Settlement settlement;
  settlement.tag = tag;
  settlement.publish = std::move(publish);
  return settlement;
}

ports::Settlement Retry(ports::DeliveryTag tag, std::string body, std::chrono::microseconds delay) {
  ports::Settlement settlement;
  settlement.tag = tag;
  settlement.action = ports::Settlement::Action::kRetry;
  settlement.retry_body = std::move(body);
  settlement.retry_delay = delay;
  return settlement;
}

ports::Settlement GiveBack(ports::DeliveryTag tag) {
  ports::Settlement settlement;
  settlement.tag = tag;
  settlement.action = ports::Settlement::Action::kGiveBack;
  return settlement;
}

TEST_P(MessageQueueSuite, DeliversInTheOrderOfPublishing) {
  MakeQueue("asya-test-a");
  std::vector<std::string> bodies;
  for (int i = 0; i < 50; ++i) bodies.push_back("body " + std::to_string(i));
  Publish("asya-test-a", bodies);
  auto consumer = Consume("asya-test-a", 50);
  std::vector<std::string> seen;
  for (const auto& delivery : consumer->Take(50)) seen.push_back(delivery.body);
  ExpectBodies(seen, bodies);
}

TEST_P(MessageQueueSuite, DeliversAtOnceToAConsumerThatWaits) {
  MakeQueue("asya-test-a");
  auto consumer = Consume("asya-test-a", 1);
  Publish("asya-test-a", {"late"});
  const auto taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].body, "late");
  EXPECT_EQ(taken[0].crash_count, 0);
}

TEST_P(MessageQueueSuite, TellsWhenTheMessageBecameVisible) {
  MakeQueue("asya-test-a");
  const WallTime before = RealClock().Now();
  Publish("asya-test-a", {"x"});
  const WallTime after = RealClock().Now();
  auto consumer = Consume("asya-test-a", 1);
  const auto taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  // Brokers may keep whole milliseconds.
  EXPECT_GE(taken[0].enqueued_at, before - std::chrono::milliseconds(1));
  EXPECT_LE(taken[0].enqueued_at, after + std::chrono::milliseconds(1));
}

TEST_P(MessageQueueSuite, KeepsEveryByteOfABody) {
  MakeQueue("asya-test-a");
  std::string every;
  for (int i = 0; i < 256; ++i) every += static_cast<char>(i);
  Publish("asya-test-a", {every, ""});
  auto consumer = Consume("asya-test-a", 2);
  const auto taken = consumer->Take(2);
  ASSERT_EQ(taken.size(), 2U);
  ExpectBodies({taken[0].body, taken[1].body}, {every, ""});
}

TEST_P(MessageQueueSuite, NeverDeliversMoreThanWasGranted) {
  MakeQueue("asya-test-a");
  auto consumer = Consume("asya-test-a", 2);
  Publish("asya-test-a", {"1", "2", "3", "4", "5"});
  EXPECT_EQ(consumer->Take(2).size(), 2U);
  ExpectDepth("asya-test-a", 3, 0, 2);
  consumer->Queue().Grant(1);
  EXPECT_EQ(consumer->Take(1).size(), 1U);
  ExpectDepth("asya-test-a", 2, 0, 3);
  EXPECT_TRUE(consumer->Take(1, std::chrono::milliseconds(1)).empty());
}

TEST_P(MessageQueueSuite, RevokedCreditsBringNothing) {
  MakeQueue("asya-test-a");
  auto consumer = Consume("asya-test-a", 5);
  Publish("asya-test-a", {"1"});
  auto taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  consumer->Queue().RevokeCredits();
  // The outcome of a settlement made after the revocation tells that the broker has seen both.
  ASSERT_TRUE(consumer->Settle(Ack(taken[0].tag)).ok());
  Publish("asya-test-a", {"2"});
  ExpectDepth("asya-test-a", 1, 0, 0);
  consumer->Queue().Grant(1);
  EXPECT_EQ(consumer->Take(1).size(), 1U);
}

TEST_P(MessageQueueSuite, ConsumersShareAQueueWithoutDoubles) {
  MakeQueue("asya-test-a");
  auto first = Consume("asya-test-a", 100);
  auto second = Consume("asya-test-a", 100);
  std::vector<std::string> bodies;
  for (int i = 0; i < 200; ++i) bodies.push_back(std::to_string(i));
  Publish("asya-test-a", bodies);
  std::multiset<std::string> seen;
  for (auto* consumer : {first.get(), second.get()}) {
    const auto taken = consumer->Take(100);
    EXPECT_EQ(taken.size(), 100U);
    for (const auto& delivery : taken) {
      seen.insert(delivery.body);
      EXPECT_TRUE(consumer->Settle(Ack(delivery.tag)).ok());
    }
  }
  EXPECT_EQ(seen, std::multiset<std::string>(bodies.begin(), bodies.end()));
  ExpectDepth("asya-test-a", 0, 0, 0);
}

TEST_P(MessageQueueSuite, ABacklogIsShared) {
  constexpr std::size_t kBacklog = 10;
  // The credits of a consumer that is connected may still be on their way when the first backlogs are dealt out.
  constexpr std::size_t kBacklogsMax = 50;
  MakeQueue("asya-test-a");
  auto first = Consume("asya-test-a", kBacklog * kBacklogsMax);
  auto second = Consume("asya-test-a", kBacklog * kBacklogsMax);
  transport_->AwaitConsumers("asya-test-a", 2);
  bool shared = false;
  for (std::size_t backlog = 1; backlog <= kBacklogsMax && !shared; ++backlog) {
    Publish("asya-test-a", std::vector<std::string>(kBacklog, "x"));
    ExpectDepth("asya-test-a", 0, 0, static_cast<std::int64_t>(kBacklog * backlog));
    // Who helps himself may have been quicker with all of it.
    if (!transport_->DealsOut()) return;
    std::size_t of_first = 0;
    std::size_t of_second = 0;
    const auto limit = std::chrono::steady_clock::now() + kPatience;
    while (of_first + of_second < kBacklog && std::chrono::steady_clock::now() < limit) {
      of_first += first->Take(1, std::chrono::milliseconds(1)).size();
      of_second += second->Take(1, std::chrono::milliseconds(1)).size();
    }
    ASSERT_EQ(of_first + of_second, kBacklog);
    shared = of_first > 0 && of_second > 0;
  }
  EXPECT_TRUE(shared);
}

TEST_P(MessageQueueSuite, CarriesLargeMessagesAndRefusesTooLargeOnes) {
  MakeQueue("asya-test-a");
  MakeQueue("asya-test-b");
  const std::string large(std::min<std::size_t>(1024 * 1024, transport_->MessageLimitBytes()), 'L');
  const std::string too_large(transport_->MessageLimitBytes() + 1, 'T');
  Publish("asya-test-a", {large});
  EXPECT_EQ(transport_->Publisher().Publish({{"asya-test-a", too_large, "m"}}, kPatience).error().code,
            ErrorCode::kTooLarge);
  auto consumer = Consume("asya-test-a", 2);
  const auto taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_TRUE(taken[0].body == large);
  EXPECT_EQ(consumer->Settle(Ack(taken[0].tag, {{"asya-test-b", too_large, "m"}})).error().code, ErrorCode::kTooLarge);
  ExpectDepth("asya-test-a", 0, 0, 1);
  EXPECT_EQ(consumer->Settle(Retry(taken[0].tag, too_large, {})).error().code, ErrorCode::kTooLarge);
  EXPECT_TRUE(consumer->Settle(Ack(taken[0].tag, {{"asya-test-b", large, "m"}})).ok());
  const auto rest = TakeAll("asya-test-b", 1);
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_TRUE(rest[0] == large);
}

TEST_P(MessageQueueSuite, APublishIsWhollyThereOrNotAtAll) {
  MakeQueue("asya-test-a");
  const Status sent =
      transport_->Publisher().Publish({{"asya-test-a", "1", "m1"}, {"asya-test-none", "2", "m2"}}, kPatience);
  ASSERT_FALSE(sent.ok());
  EXPECT_EQ(sent.error().code, ErrorCode::kUnroutable);
  EXPECT_EQ(sent.error().field, "asya-test-none");
  ExpectDepth("asya-test-a", 0, 0, 0);
}

TEST_P(MessageQueueSuite, ABacklogLargerThanAnyBufferComesWhole) {
  MakeQueue("asya-test-a");
  const std::size_t backlog = transport_->Knows().backlog;
  std::vector<std::string> bodies;
  for (std::size_t i = 0; i < backlog; ++i) bodies.push_back("body " + std::to_string(i));
  Publish("asya-test-a", bodies);
  ExpectDepth("asya-test-a", static_cast<std::int64_t>(backlog), 0, 0);
  auto consumer = Consume("asya-test-a", backlog);
  std::vector<std::string> seen;
  for (const auto& delivery : consumer->Take(backlog)) seen.push_back(delivery.body);
  ExpectBodies(seen, bodies);
}

}  // namespace asya::transports::conformance
