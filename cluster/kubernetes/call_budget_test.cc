#include "cluster/kubernetes/call_budget.h"

#include <gtest/gtest.h>

namespace asya::cluster::kubernetes {
namespace {

constexpr std::chrono::microseconds kNow{0};

int TakeAll(CallBudget& budget, Priority priority) {
  int taken = 0;
  while (budget.TryTake(priority) == kNow) ++taken;
  return taken;
}

TEST(CallBudget, KeepsAPartForWhatCannotWait) {
  FakeClock clock;
  CallBudget budget(clock);
  EXPECT_EQ(TakeAll(budget, Priority::kUsual), CallBudget::kCallsAtOnce - CallBudget::kCallsForUrgent);
  EXPECT_EQ(TakeAll(budget, Priority::kUrgent), CallBudget::kCallsForUrgent);
}

TEST(CallBudget, FillsAtItsRate) {
  FakeClock clock;
  CallBudget budget(clock);
  TakeAll(budget, Priority::kUsual);
  clock.Advance(std::chrono::seconds(1));
  EXPECT_NEAR(TakeAll(budget, Priority::kUsual), CallBudget::kCallsPerSecond, 1);
  const auto wait = budget.TryTake(Priority::kUsual);
  EXPECT_GT(wait, kNow);
  clock.Advance(wait);
  EXPECT_EQ(budget.TryTake(Priority::kUsual), kNow) << "it says how long to wait";
}

TEST(CallBudget, LeavesAClusterAloneThatIsCalledTooOften) {
  FakeClock clock;
  CallBudget budget(clock);
  budget.Rest(std::chrono::seconds(3600));
  EXPECT_EQ(budget.TryTake(Priority::kUsual), CallBudget::kRestMax);
  EXPECT_EQ(budget.TryTake(Priority::kUrgent), kNow);
  clock.Advance(CallBudget::kRestMax);
  EXPECT_EQ(budget.TryTake(Priority::kUsual), kNow);
}

}  // namespace
}  // namespace asya::cluster::kubernetes
