#include "reconcilers/work_queue.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

namespace asya::reconcilers {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class WorkQueueTest : public ::testing::Test {
 protected:
  FakeClock clock_;
  Random random_{1};
  WorkQueue queue_{clock_, random_};
  const Key a_{"n", "a"};
  const Key b_{"n", "b"};
};

TEST_F(WorkQueueTest, AKeyIsInItOnce) {
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(queue_.Add(a_));
  queue_.Add(b_);
  EXPECT_EQ(queue_.Size(), 2U);
  EXPECT_EQ(queue_.TryTake(), a_);
  EXPECT_EQ(queue_.TryTake(), b_);
  EXPECT_EQ(queue_.TryTake(), std::nullopt);
}

TEST_F(WorkQueueTest, AKeyInHandComesAgainOnlyWhenDone) {
  queue_.Add(a_);
  ASSERT_EQ(queue_.TryTake(), a_);
  queue_.Add(a_);
  queue_.Add(a_);
  EXPECT_EQ(queue_.TryTake(), std::nullopt);
  queue_.Done(a_);
  EXPECT_EQ(queue_.TryTake(), a_);
  queue_.Done(a_);
  EXPECT_EQ(queue_.TryTake(), std::nullopt);
}

TEST_F(WorkQueueTest, TheEarlierOfTwoTimesCounts) {
  queue_.AddAfter(a_, seconds(5));
  queue_.AddAfter(a_, seconds(2));
  queue_.AddAfter(a_, seconds(9));
  EXPECT_EQ(*queue_.NextAt() - clock_.Steady(), seconds(2));
  clock_.Advance(milliseconds(1999));
  EXPECT_EQ(queue_.TryTake(), std::nullopt);
  clock_.Advance(milliseconds(1));
  EXPECT_EQ(queue_.TryTake(), a_);
  clock_.Advance(seconds(60));
  queue_.Done(a_);
  EXPECT_EQ(queue_.TryTake(), std::nullopt);
}

TEST_F(WorkQueueTest, PausesGrowToTheirLimitUntilForgotten) {
  const auto pause = [this] {
    queue_.Retry(a_);
    const auto left = *queue_.NextAt() - clock_.Steady();
    clock_.Advance(seconds(60));
    EXPECT_EQ(queue_.TryTake(), a_);
    queue_.Done(a_);
    return left;
  };
  milliseconds longest{50};
  for (int i = 0; i < 40; ++i) {
    const auto left = pause();
    EXPECT_GE(left, longest / 2);
    EXPECT_LE(left, longest);
    longest = std::min<milliseconds>(longest * 2, seconds(30));
  }
  queue_.Forget(a_);
  EXPECT_LE(pause(), milliseconds(50));
}

TEST_F(WorkQueueTest, RefusesKeysOverItsLimit) {
  WorkQueueSettings settings;
  settings.keys_limit = 2;
  WorkQueue queue(clock_, random_, settings);
  EXPECT_TRUE(queue.Add(a_));
  EXPECT_TRUE(queue.AddAfter(b_, seconds(1)));
  EXPECT_FALSE(queue.Add(Key{"n", "c"}));
  EXPECT_TRUE(queue.Add(a_));
  EXPECT_EQ(queue.TryTake(), a_);
  EXPECT_TRUE(queue.Add(Key{"n", "c"}));
}

TEST(WorkQueueThreads, NoKeyIsInTwoHands) {
  Random random(1);
  WorkQueue queue(RealClock(), random);
  constexpr int kKeys = 5;
  std::array<std::atomic<int>, kKeys> hands{};
  std::atomic<int> taken{0};
  std::atomic<bool> twice{false};
  std::vector<std::thread> workers;
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back([&] {
      while (const auto key = queue.Take()) {
        auto& hand = hands.at(static_cast<std::size_t>(key->name[0] - '0'));
        if (++hand > 1) twice = true;
        ++taken;
        --hand;
        queue.Done(*key);
      }
    });
  }
  for (int i = 0; i < 2000; ++i) queue.Add(Key{"", std::to_string(i % kKeys)});
  while (queue.Size() > 0) std::this_thread::yield();
  queue.Stop();
  for (auto& worker : workers) worker.join();
  EXPECT_FALSE(twice);
  EXPECT_GE(taken, kKeys);
}

}  // namespace
}  // namespace asya::reconcilers
