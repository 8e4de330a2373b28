// A broker whose answers are wrong or late: the connection is given up and made again, and nothing takes the relay
// down.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "core/base/random.h"
#include "tests/support/scripted_broker.h"
#include "transports/conformance/message_queue_suite.h"
#include "transports/conformance/recorder_suite.h"
#include "transports/rabbitmq/administration.h"
#include "transports/rabbitmq/consumer.h"

namespace asya::transports::rabbitmq {
namespace {

using conformance::Ack;
using conformance::Recorder;
using tests::kPublishes;
using tests::kTakes;
using tests::ScriptedBroker;

constexpr std::chrono::minutes kLong{3};  // longer than any limit of ours for an answer

class WrongBroker : public ::testing::Test {
 protected:
  std::unique_ptr<Consumer> NewConsumer(const Clock& clock, std::size_t message_bytes_max = 1024) {
    ConsumerSettings settings;
    settings.message_bytes_max = message_bytes_max;
    settings.address.host = "127.0.0.1";
    settings.address.port = std::to_string(broker_.port());
    settings.queue = "asya-test-a";
    settings.heartbeat = std::chrono::seconds(0);
    settings.reconnect_min = std::chrono::milliseconds(1);
    return std::make_unique<Consumer>(settings, clock, random_);
  }
  // Connected, consuming, and with one message leased.
  ports::DeliveryTag Lease(Recorder& recorder, std::uint64_t channel_tag = 1) {
    EXPECT_TRUE(broker_.WaitFor(kTakes, MethodId::kConsume));
    EXPECT_TRUE(broker_.WaitFor(kPublishes, MethodId::kConsume)) << "listens to other relays";
    broker_.Deliver(channel_tag, "one");
    const auto taken = recorder.Take(1);
    EXPECT_EQ(taken.size(), 1U);
    return taken.at(0).tag;
  }
  static std::future<Status> Settle(Recorder& recorder, ports::Settlement settlement) {
    return std::async(std::launch::async,
                      [&recorder, settlement = std::move(settlement)] { return recorder.Settle(settlement); });
  }
  // The consumer looks at the time again.
  static void Pass(FakeClock& clock, Recorder& recorder, std::chrono::microseconds time) {
    clock.Advance(time);
    recorder.Queue().Grant(0);
  }
  // All that was sent on the publishing link so far has been read: a flow that is asked for is answered.
  void Read() {
    broker_.Send(kPublishes, ScriptedBroker::Method(1, MethodId::kChannelFlow, std::string(1, '\1')));
    ASSERT_TRUE(broker_.WaitFor(kPublishes, MethodId::kChannelFlowOk, ++flows_));
  }
  static std::string Blocked() {
    return ScriptedBroker::Method(0, MethodId::kConnectionBlocked, std::string("\x03") + "low");
  }
  static std::string Unblocked() { return ScriptedBroker::Method(0, MethodId::kConnectionUnblocked); }

  Random random_{SystemSeed()};
  ScriptedBroker broker_;
  FakeClock clock_;
  int flows_ = 0;
};

TEST_F(WrongBroker, AConfirmThatNeverComesEndsTheLinkThatPublishesAndNoLease) {
  broker_.Mute(MethodId::kPublish);
  Recorder recorder(NewConsumer(clock_), 1);
  recorder.Start();
  const ports::DeliveryTag tag = Lease(recorder);
  auto settled = Settle(recorder, Ack(tag, {{"asya-test-b", "out", "m"}}));
  ASSERT_TRUE(broker_.WaitFor(kPublishes, MethodId::kPublish));
  broker_.Mute(MethodId::kPublish, false);
  Pass(clock_, recorder, kLong);
  const Status late = settled.get();
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(late.error().message, ::testing::HasSubstr("did not answer in time"));
  EXPECT_EQ(broker_.Count(kTakes, MethodId::kAck), 0) << "acknowledged before the output was confirmed";
  EXPECT_TRUE(recorder.Settle(Ack(tag, {{"asya-test-b", "out", "m"}})).ok());
  Pass(clock_, recorder, kLong);
  EXPECT_TRUE(broker_.WaitFor(kTakes, MethodId::kAck));
  EXPECT_EQ(broker_.Count(kPublishes, MethodId::kPublish), 2);
  EXPECT_EQ(broker_.Count(kPublishes, MethodId::kConnectionStartOk), 2);
  EXPECT_EQ(broker_.Count(kTakes, MethodId::kConnectionStartOk), 1) << recorder.LastReason();
  EXPECT_TRUE(broker_.WaitFor(kPublishes, MethodId::kConsume, 2)) << "listens to other relays again";
}

TEST_F(WrongBroker, AQuestionThatIsNeverAnsweredEndsTheLinkThatPublishesAndNoLease) {
  Recorder recorder(NewConsumer(clock_), 1);
  recorder.Start();
  const ports::DeliveryTag tag = Lease(recorder);
  broker_.Mute(MethodId::kQueueDeclare);
  const std::vector<ports::Outgoing> two = {{"asya-test-b", "out", "m"}, {"asya-test-b", "more", "n"}};
  auto settled = Settle(recorder, Ack(tag, two));
  ASSERT_TRUE(broker_.WaitFor(kPublishes, MethodId::kQueueDeclare, 3));
  broker_.Mute(MethodId::kQueueDeclare, false);
  Pass(clock_, recorder, kLong);
  const Status late = settled.get();
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(broker_.Count(kPublishes, MethodId::kPublish), 0);
  EXPECT_TRUE(recorder.Settle(Ack(tag, two)).ok());
  EXPECT_EQ(broker_.Count(kTakes, MethodId::kConnectionStartOk), 1) << recorder.LastReason();
}

// Then nothing is left to go on with.
TEST_F(WrongBroker, ALinkThatCannotBeOpenedAnewEndsTheConnection) {
  broker_.Mute(MethodId::kPublish);
  Recorder recorder(NewConsumer(clock_), 1);
  recorder.Start();
  recorder.Queue().Settle(Ack(Lease(recorder), {{"asya-test-b", "out", "m"}}));
  ASSERT_TRUE(broker_.WaitFor(kPublishes, MethodId::kPublish));
  broker_.Mute(MethodId::kConnectionStartOk);
  Pass(clock_, recorder, kLong);
  ASSERT_TRUE(broker_.WaitFor(kPublishes, MethodId::kConnectionStartOk, 2));
  Pass(clock_, recorder, kLong);
  ASSERT_TRUE(recorder.WaitConnected(false));
  EXPECT_THAT(recorder.LastReason(), ::testing::HasSubstr("handshake"));
  broker_.Mute(MethodId::kConnectionStartOk, false);
  broker_.Mute(MethodId::kPublish, false);
  Pass(clock_, recorder, kLong);
  ASSERT_TRUE(broker_.WaitFor(kTakes, MethodId::kConsume, 2));
  broker_.Deliver(1, "one");
  const auto again = recorder.Take(1);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_TRUE(recorder.Settle(Ack(again[0].tag, {{"asya-test-b", "out", "m"}})).ok());
}

TEST_F(WrongBroker, AConfirmMayComeLateWhenTheBrokerWasBlocked) {
  broker_.Mute(MethodId::kPublish);
  Recorder recorder(NewConsumer(clock_), 1);
  recorder.Start();
  const ports::DeliveryTag tag = Lease(recorder);
  auto settled = Settle(recorder, Ack(tag, {{"asya-test-b", "out", "m"}}));
  ASSERT_TRUE(broker_.WaitFor(kPublishes, MethodId::kPublish));
  broker_.Send(kPublishes, Blocked());
  Read();
  Pass(clock_, recorder, kLong);
  broker_.Send(kPublishes, Unblocked());
  Read();
  broker_.Send(kPublishes, ScriptedBroker::Confirm(1));
  EXPECT_TRUE(settled.get().ok()) << recorder.LastReason();
  EXPECT_EQ(broker_.Count(kPublishes, MethodId::kConnectionStartOk), 1) << recorder.LastReason();
}

TEST_F(WrongBroker, AQuestionMayBeAnsweredLateWhenTheBrokerWasBlocked) {
  Recorder recorder(NewConsumer(clock_), 1);
  recorder.Start();
  const ports::DeliveryTag tag = Lease(recorder);
  broker_.Mute(MethodId::kQueueDeclare);
  broker_.Send(kPublishes, Blocked());
  Read();
  auto settled = Settle(recorder, Ack(tag, {{"asya-test-b", "out", "m"}, {"asya-test-b", "more", "n"}}));
  ASSERT_TRUE(broker_.WaitFor(kPublishes, MethodId::kQueueDeclare, 3));
  Pass(clock_, recorder, kLong);
  std::string answer(1, '\1');
  answer += 'q' + std::string(8, '\0');
  broker_.Send(kPublishes, Unblocked());
  Read();
  broker_.Send(kPublishes, ScriptedBroker::Method(2, MethodId::kQueueDeclareOk, answer));
  EXPECT_TRUE(settled.get().ok()) << recorder.LastReason();
  EXPECT_EQ(broker_.Count(kPublishes, MethodId::kConnectionStartOk), 1) << recorder.LastReason();
}

// The limit of the broker was lowered after the message had come.
TEST_F(WrongBroker, WhatIsTooLargeToBeCopiedIsPutBackByTheBroker) {
  Recorder recorder(NewConsumer(RealClock(), 2), 1);
  recorder.Start();
  EXPECT_TRUE(recorder.Settle(conformance::GiveBack(Lease(recorder))).ok());
  EXPECT_TRUE(broker_.WaitFor(kTakes, MethodId::kNack));
  EXPECT_EQ(broker_.Count(kTakes, MethodId::kAck), 0) << "for a copy";
}

struct Wrong {
  std::string name;
  std::string link;
  std::function<std::string(ScriptedBroker&)> bytes;
};

class WrongFrames : public WrongBroker, public ::testing::WithParamInterface<Wrong> {};

TEST_P(WrongFrames, EndTheConnectionAndNothingElse) {
  Recorder recorder(NewConsumer(RealClock()), 4);
  recorder.Start();
  const ports::DeliveryTag tag = Lease(recorder);
  broker_.Send(GetParam().link, GetParam().bytes(broker_));
  ASSERT_TRUE(broker_.WaitFor(kTakes, MethodId::kConsume, 2)) << recorder.LastReason();
  ASSERT_TRUE(broker_.WaitFor(kPublishes, MethodId::kConnectionStartOk, 2));
  ASSERT_TRUE(recorder.WaitConnected(true));
  EXPECT_FALSE(recorder.Settle(Ack(tag)).ok()) << "the lease went with the connection";
  broker_.Deliver(1, "one");
  const auto again = recorder.Take(1);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_TRUE(recorder.Settle(Ack(again[0].tag, {{"asya-test-b", "out", "m"}})).ok());
}

std::string Numbers(std::initializer_list<std::uint64_t> numbers) {
  std::string bytes;
  WireWriter writer(bytes);
  for (const std::uint64_t number : numbers) writer.U64(number);
  return bytes;
}

const Wrong kWrong[] = {
    {"garbage", kTakes, [](ScriptedBroker&) { return std::string(100, 'x'); }},
    {"garbage_while_publishing", kPublishes, [](ScriptedBroker&) { return std::string(100, '\0'); }},
    {"frame_without_end", kTakes, [](ScriptedBroker&) { return std::string("\x08\0\0\0\0\0\0\x01", 8); }},
    {"frame_too_large", kTakes, [](ScriptedBroker&) { return std::string("\x01\0\0\xff\xff\xff\xff", 7); }},
    {"unknown_method", kTakes,
     [](ScriptedBroker&) { return ScriptedBroker::Method(1, static_cast<MethodId>(0x00630063)); }},
    {"method_cut_short", kTakes, [](ScriptedBroker&) { return ScriptedBroker::Method(1, MethodId::kDeliver, "\x05"); }},
    {"body_of_nothing", kTakes,
     [](ScriptedBroker&) {
       std::string frames;
       AppendContent(frames, 1, {}, "body", kFrameBytesMax);
       return frames;
     }},
    {"method_within_a_message", kTakes,
     [](ScriptedBroker& broker) {
       const std::string delivery = ScriptedBroker::Delivery(broker.ConsumerTag(), 2, "two");
       return delivery.substr(0, delivery.size() - 11) + ScriptedBroker::Method(1, MethodId::kQosOk);
     }},
    {"delivery_numbered_too_high", kTakes,
     [](ScriptedBroker& broker) { return ScriptedBroker::Delivery(broker.ConsumerTag(), 1'000'000, "two"); }},
    {"delivery_numbered_twice", kTakes,
     [](ScriptedBroker& broker) { return ScriptedBroker::Delivery(broker.ConsumerTag(), 1, "two"); }},
    {"delivery_numbered_zero", kTakes,
     [](ScriptedBroker& broker) { return ScriptedBroker::Delivery(broker.ConsumerTag(), 0, "two"); }},
    {"confirm_of_nothing", kPublishes, [](ScriptedBroker&) { return ScriptedBroker::Confirm(7); }},
    {"confirm_of_the_highest", kPublishes,
     [](ScriptedBroker&) { return ScriptedBroker::Method(1, MethodId::kAck, Numbers({~std::uint64_t{0}}) + '\1'); }},
    {"channel_closed", kPublishes,
     [](ScriptedBroker&) {
       return ScriptedBroker::Method(1, MethodId::kChannelClose, std::string("\x02\x1f\x02no\0\0\0\0", 9));
     }},
};

INSTANTIATE_TEST_SUITE_P(Each, WrongFrames, ::testing::ValuesIn(kWrong),
                         [](const auto& wrong) { return wrong.param.name; });

TEST_F(WrongBroker, WhatTheBrokerFoundTooLargeIsToldAsSuchAndNeverSentAgain) {
  AdministrationSettings settings;
  settings.address.host = "127.0.0.1";
  settings.address.port = std::to_string(broker_.port());
  Administration administration(settings, RealClock());
  administration.Start();
  const std::vector<ports::Outgoing> large{{"asya-test-a", std::string(200, 'x'), "m"}};
  auto first = std::async(std::launch::async, [&] { return administration.Publish(large, conformance::kPatience); });
  ASSERT_TRUE(broker_.WaitFor(kTakes, MethodId::kPublish));
  std::string refusal;
  WireWriter(refusal)
      .U16(406)
      .ShortString("PRECONDITION_FAILED - message size 200 is larger than configured max size 100")
      .U16(0)
      .U16(0);
  broker_.Send(kTakes, ScriptedBroker::Method(1, MethodId::kChannelClose, refusal));
  EXPECT_EQ(first.get().error().code, ErrorCode::kUnavailable) << "nothing is known of others that were under way";
  EXPECT_EQ(administration.Publish(large, conformance::kPatience).error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(broker_.Count(kTakes, MethodId::kPublish), 1);
  EXPECT_EQ(administration.MessageLimitBytes(), 100U);
}

TEST_F(WrongBroker, AMessageForAnUnknownConsumerIsAMessage) {
  Recorder recorder(NewConsumer(RealClock()), 4);
  recorder.Start();
  ASSERT_TRUE(broker_.WaitFor(kTakes, MethodId::kConsume));
  broker_.Send(kTakes, ScriptedBroker::Delivery("w999", 1, "one") + ScriptedBroker::Delivery("", 2, "two"));
  const auto taken = recorder.Take(2);
  ASSERT_EQ(taken.size(), 2U);
  for (const auto& delivery : taken) {
    EXPECT_TRUE(recorder.Settle(Ack(delivery.tag, {{"asya-test-b", "out", "m"}})).ok());
  }
}

}  // namespace
}  // namespace asya::transports::rabbitmq
