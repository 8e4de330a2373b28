// The consumer in the broker's own process: what it is told, and what becomes of its leases.
#include "transports/sqlite/own_consumer.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <filesystem>
#include <thread>

#include "transports/conformance/recorder_suite.h"
#include "transports/sqlite/broker.h"
#include "transports/sqlite/reactor.h"

namespace asya::transports::sqlite {
namespace {

using conformance::kPatience;
using conformance::Recorder;
using std::chrono::milliseconds;
using Action = ports::Settlement::Action;

class OwnConsumerTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kLimitBytes = 700'000;

  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "asya-own-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    database_ = sql::sqlite::Database::Open({.path = folder_ + "/asya.db"}, Migrations()).value();
    BrokerSettings settings;
    settings.socket_path = folder_ + "/queue.sock";
    settings.message_limit_bytes = kLimitBytes;
    broker_ = std::make_unique<Broker>(*database_, settings, RealClock());
    ASSERT_TRUE(broker_->Start().ok());
  }
  void TearDown() override {
    broker_.reset();
    database_.reset();
    std::filesystem::remove_all(folder_);
  }
  void MakeQueue(const std::string& name) { ASSERT_TRUE(broker_->Admin().Ensure({name, "uid"}).ok()); }
  void Publish(const std::string& body) {
    ASSERT_TRUE(broker_->Publisher().Publish({{"q", body, "m"}}, kPatience).ok());
  }
  std::unique_ptr<Recorder> Consume(std::size_t credits) {
    auto recorder = std::make_unique<Recorder>(broker_->NewConsumer("q"), credits);
    recorder->Start();
    return recorder;
  }
  static ports::Settlement Of(Action action, const ports::Delivery& delivery, const std::string& retry_body = "") {
    ports::Settlement settlement;
    settlement.action = action;
    settlement.tag = delivery.tag;
    settlement.retry_body = retry_body;
    return settlement;
  }

  std::string folder_;
  std::unique_ptr<sql::sqlite::Database> database_;
  std::unique_ptr<Broker> broker_;
};

TEST_F(OwnConsumerTest, TakesNoMoreThanWasGrantedAndSettles) {
  MakeQueue("q");
  MakeQueue("next");
  for (const char* body : {"1", "2", "3"}) Publish(body);
  const auto consumer = Consume(2);
  const auto taken = consumer->Take(2);
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(taken[0].body, "1");
  ports::Settlement ack = Of(Action::kAck, taken[0]);
  ack.publish.push_back({"next", "out", "m"});
  EXPECT_TRUE(consumer->Settle(std::move(ack)).ok());
  EXPECT_EQ(consumer->Settle(Of(Action::kAck, taken[0])).error().code, ErrorCode::kConflict);
  EXPECT_TRUE(consumer->Settle(Of(Action::kRetry, taken[1], "2 again")).ok());
  EXPECT_EQ(broker_->Admin().Stats("next")->visible, 1);
  EXPECT_EQ(broker_->Admin().Stats("q")->visible, 2);
  consumer->Queue().Grant(2);
  const auto rest = consumer->Take(2);
  ASSERT_EQ(rest.size(), 2U);
  EXPECT_EQ(rest[0].body, "3");
  EXPECT_EQ(rest[1].body, "2 again");
}

TEST_F(OwnConsumerTest, WhatDoesNotFitStaysLeased) {
  MakeQueue("q");
  Publish("1");
  const auto consumer = Consume(1);
  const auto taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(consumer->Settle(Of(Action::kRetry, taken[0], std::string(kLimitBytes + 1, 'x'))).error().code,
            ErrorCode::kTooLarge);
  EXPECT_EQ(broker_->Admin().Stats("q")->in_flight, 1);
  EXPECT_TRUE(consumer->Settle(Of(Action::kGiveBack, taken[0])).ok());
  EXPECT_EQ(broker_->Admin().Stats("q")->visible, 1);
}

TEST_F(OwnConsumerTest, LeasesGoBackWhenItStopsAndCrashesCount) {
  MakeQueue("q");
  Publish("1");
  {
    const auto consumer = Consume(1);
    const auto taken = consumer->Take(1);
    ASSERT_EQ(taken.size(), 1U);
    EXPECT_EQ(taken[0].crash_count, 0);
    EXPECT_TRUE(consumer->Begin(taken[0].tag, 1).ok());
    EXPECT_EQ(consumer->Begin(ports::DeliveryTag(99), 1).error().code, ErrorCode::kConflict);
    consumer->Queue().Stop(milliseconds(0));
  }
  const auto next = Consume(1)->Take(1);
  ASSERT_EQ(next.size(), 1U);
  EXPECT_EQ(next[0].crash_count, 1);
}

TEST_F(OwnConsumerTest, WaitsForItsQueueAndLosesItsLeasesWithIt) {
  const auto consumer = Consume(1);
  EXPECT_EQ(consumer->TakeConnection(), false);
  MakeQueue("q");
  EXPECT_EQ(consumer->TakeConnection(), true);
  Publish("1");
  const auto taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  ASSERT_TRUE(broker_->Admin().Remove("q", true).ok());
  EXPECT_EQ(consumer->TakeConnection(), false);
  EXPECT_EQ(consumer->Settle(Of(Action::kAck, taken[0])).error().code, ErrorCode::kConflict);
  MakeQueue("q");
  EXPECT_EQ(consumer->TakeConnection(), true);
}

TEST_F(OwnConsumerTest, StopWaitsForWhatIsBeingSettled) {
  MakeQueue("q");
  Publish("1");
  const auto consumer = Consume(1);
  const auto taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  consumer->Queue().Settle(Of(Action::kAck, taken[0]));
  consumer->Queue().Stop(kPatience);
  EXPECT_EQ(broker_->Admin().Stats("q")->settled_total, 1);
}

TEST_F(OwnConsumerTest, GetsAllThatItMayHoweverLarge) {
  MakeQueue("q");
  for (int i = 0; i < 4; ++i) Publish(std::string(kLimitBytes, 'x'));
  const auto consumer = Consume(4);
  EXPECT_EQ(consumer->Take(4, kPatience / 4).size(), 4U);
}

TEST_F(OwnConsumerTest, StopEndsThoughNobodyReadsItsLetters) {
  const auto mailbox = std::make_shared<Mailbox>();
  ASSERT_TRUE(mailbox->Open().ok());
  Reactor never_started(*database_, std::make_shared<Ledger>(), mailbox, BrokerSettings{}, RealClock());
  Recorder recorder(std::make_unique<OwnConsumer>(mailbox, never_started, "q", kLimitBytes), 1);
  recorder.Start();
  std::thread stopping([&] { recorder.Queue().Stop(milliseconds(0)); });
  std::vector<Mailbox::Letter> letters;
  pollfd waiting{mailbox->fd(), POLLIN, 0};
  while (letters.size() < 3 && poll(&waiting, 1, static_cast<int>(milliseconds(kPatience).count())) > 0) {
    for (auto& letter : mailbox->Take()) letters.push_back(std::move(letter));
  }
  EXPECT_EQ(letters.size(), 3U);  // to join, to take no more, to leave
  letters.clear();
  stopping.join();
}

TEST_F(OwnConsumerTest, OutlivesItsBroker) {
  MakeQueue("q");
  Publish("1");
  const auto consumer = Consume(1);
  const auto taken = consumer->Take(1);
  ASSERT_EQ(taken.size(), 1U);
  broker_->Stop();
  consumer->Queue().Grant(1);
  consumer->Queue().Settle(Of(Action::kAck, taken[0]));
  consumer->Queue().Stop(milliseconds(10));
}

}  // namespace
}  // namespace asya::transports::sqlite
