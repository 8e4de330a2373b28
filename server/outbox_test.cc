// First messages leave the outbox when their broker has them, or will never take them, and not before.
#include "server/outbox.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "transports/memory/broker.h"

namespace asya::server {
namespace {

constexpr std::chrono::seconds kPatience{30};

class OutboxTest : public ::testing::Test {
 protected:
  void SetUp() override {
    broker_.Start();
    ASSERT_TRUE(Outbox::MakeQueue(broker_.Admin()).ok());
    outbox_.Start();
  }
  void TearDown() override {
    outbox_.Stop();
    broker_.Stop();
  }

  void Put(const std::string& envelope) {
    const auto put = broker_.Publisher().Publish({{Outbox::kQueue, Outbox::Wrap("asya-default-a", envelope), "m"}},
                                                 std::chrono::milliseconds(1000));
    ASSERT_TRUE(put.ok()) << put.error().message;
  }
  std::vector<Status> Publish(const std::vector<ports::Outgoing>& messages) {
    const std::lock_guard lock(mutex_);
    std::vector<Status> outcomes;
    for (const auto& message : messages) {
      sent_.push_back(message.body);
      outcomes.push_back(answers_.empty() ? Ok() : answers_.front());
      if (!answers_.empty()) answers_.pop_front();
    }
    changed_.notify_all();
    return outcomes;
  }
  Status Refuse(const std::string& envelope) {
    const std::lock_guard lock(mutex_);
    refused_.push_back(envelope);
    changed_.notify_all();
    const Status answer = refusals_.empty() ? Ok() : refusals_.front();
    if (!refusals_.empty()) refusals_.pop_front();
    return answer;
  }
  bool Wait(const std::function<bool()>& done) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, done);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Status> answers_;   // of the broker; then Ok
  std::deque<Status> refusals_;  // of the task store; then Ok
  std::vector<std::string> sent_;
  std::vector<std::string> refused_;
  transports::memory::Broker broker_{RealClock()};
  Outbox outbox_{[this](const auto& messages, auto) { return Publish(messages); },
                 [this](const auto& envelope, const auto&) { return Refuse(envelope); },
                 broker_.NewConsumer(Outbox::kQueue), observe::Logger::Silent()};
};

TEST_F(OutboxTest, SendsUntilTheBrokerHasIt) {
  answers_ = {Fail(ErrorCode::kUnavailable, "away")};
  Put("one");
  ASSERT_TRUE(Wait([&] { return sent_.size() == 2; }));
  EXPECT_EQ(sent_, (std::vector<std::string>{"one", "one"}));
  EXPECT_TRUE(refused_.empty());
}

TEST_F(OutboxTest, WhatNeverFitsIsRefusedOnceAndNotSentAgain) {
  answers_ = {Fail(ErrorCode::kTooLarge, "30 bytes")};
  Put("large");
  ASSERT_TRUE(Wait([&] { return refused_.size() == 1; }));
  Put("small");
  ASSERT_TRUE(Wait([&] { return sent_.size() == 2; }));
  EXPECT_EQ(sent_, (std::vector<std::string>{"large", "small"}));
}

TEST_F(OutboxTest, WhatCouldNotBeRefusedStays) {
  answers_ = {Fail(ErrorCode::kTooLarge, "30 bytes"), Fail(ErrorCode::kTooLarge, "30 bytes")};
  refusals_ = {Fail(ErrorCode::kUnavailable, "the store is away")};
  Put("large");
  ASSERT_TRUE(Wait([&] { return refused_.size() == 2; }));
  EXPECT_EQ(sent_, (std::vector<std::string>{"large", "large"}));
}

}  // namespace
}  // namespace asya::server
