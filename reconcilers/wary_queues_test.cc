#include "reconcilers/wary_queues.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

namespace asya::reconcilers {
namespace {

using std::chrono::seconds;

// Whose broker takes the time it likes.
class SlowQueues final : public QueueAdmins, public ports::QueueAdmin {
 public:
  explicit SlowQueues(FakeClock& clock) : clock_(clock) {}
  Status Ensure(const ports::QueueSpec& /*spec*/) override {
    ++asked;
    if (during) during();
    clock_.Advance(takes);
    return error ? Status(*error) : Ok();
  }
  Status Remove(const std::string& /*name*/, bool /*force*/) override { return Ok(); }
  Result<ports::QueueStats> Stats(const std::string& /*name*/) override { return ports::QueueStats{}; }
  Result<std::vector<std::string>> List() override { return std::vector<std::string>(); }
  std::shared_ptr<void> SubscribeHints(std::function<void(const std::string&)> /*on_work*/) override { return nullptr; }
  std::shared_ptr<ports::QueueAdmin> For(const json::Value& /*transport*/) override { return {alive, this}; }
  std::vector<ports::QueueAdmin*> All() override { return {this}; }
  FoundQueues FindMissing(const std::vector<std::string>& /*queues*/) override { return {}; }

  seconds takes{0};
  std::optional<Error> error;
  std::function<void()> during;
  std::atomic<int> asked = 0;
  std::shared_ptr<void> alive = std::make_shared<int>();

 private:
  FakeClock& clock_;
};

class WaryQueuesTest : public ::testing::Test {
 protected:
  // As one pass of one actor does it.
  Status Ensure() { return wary_.For({})->Ensure({"q", "uid"}); }
  void Hang() {
    slow_.takes = seconds(15);
    slow_.error = Fail(ErrorCode::kTimeout, "no answer");
  }

  FakeClock clock_;
  SlowQueues slow_{clock_};
  WaryQueues wary_{slow_, clock_};
};

TEST_F(WaryQueuesTest, AWaitInVainIsNotRepeatedAtOnce) {
  Hang();
  EXPECT_EQ(Ensure().error().code, ErrorCode::kTimeout);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(Ensure().error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(Ensure().error().message, "no answer");
  }
  EXPECT_EQ(slow_.asked, 1);
  EXPECT_TRUE(wary_.For({})->Stats("q").ok()) << "another kind of question may be answered";
}

TEST_F(WaryQueuesTest, ItsEndIsFoundWithinSeconds) {
  Hang();
  EXPECT_FALSE(Ensure().ok());
  slow_.takes = seconds(0);
  slow_.error.reset();
  clock_.Advance(WaryQueues::kAvoided - seconds(1));
  EXPECT_FALSE(Ensure().ok());
  clock_.Advance(seconds(1));
  EXPECT_TRUE(Ensure().ok());
  EXPECT_TRUE(Ensure().ok());
}

TEST_F(WaryQueuesTest, WhatIsRefusedAtOnceOrByTheQueueIsAlwaysAsked) {
  slow_.error = Fail(ErrorCode::kUnavailable, "connection refused");
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(Ensure().ok());
  slow_.takes = seconds(15);
  slow_.error = Fail(ErrorCode::kConflict, "another owner");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Ensure().error().code, ErrorCode::kConflict);
  EXPECT_EQ(slow_.asked, 6);
}

TEST_F(WaryQueuesTest, OneAloneFindsOutWhetherItIsOver) {
  Hang();
  EXPECT_FALSE(Ensure().ok());
  clock_.Advance(WaryQueues::kAvoided);
  std::promise<void> begun;
  std::promise<void> end;
  slow_.during = [&] {
    begun.set_value();
    end.get_future().wait();
  };
  std::thread asks([&] { EXPECT_EQ(Ensure().error().code, ErrorCode::kTimeout); });
  begun.get_future().wait();
  EXPECT_EQ(Ensure().error().code, ErrorCode::kUnavailable);
  end.set_value();
  asks.join();
  EXPECT_EQ(slow_.asked, 2);
}

TEST_F(WaryQueuesTest, TheSameBrokerIsTheSameOneForWhoComparesThem) {
  const auto first = wary_.For({});
  EXPECT_EQ(first, wary_.For({}));
}

TEST_F(WaryQueuesTest, AnotherConnectionBeginsAnew) {
  Hang();
  EXPECT_FALSE(Ensure().ok());
  slow_.alive = std::make_shared<int>();
  EXPECT_EQ(Ensure().error().code, ErrorCode::kTimeout);
  EXPECT_EQ(slow_.asked, 2);
}

}  // namespace
}  // namespace asya::reconcilers
