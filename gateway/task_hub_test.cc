#include "gateway/task_hub.h"

#include <gtest/gtest.h>

#include <atomic>

namespace asya::gateway {
namespace {

class Counting final : public TaskListener {
 public:
  bool OnChange() override {
    ++changes;
    changes.notify_all();
    return true;
  }
  void OnFly(const std::string&) override {}
  bool OnTime() override { return true; }
  void WaitFor(int count) const {
    for (int seen = changes; seen < count; seen = changes) changes.wait(seen);
  }

  std::atomic<int> changes{0};
};

TEST(TaskHub, AListenerForTheEndIsNotWokenByTheSteps) {
  Executor executor(1, 100);
  executor.Start();
  TaskHub hub(executor, RealClock());
  hub.Start();
  const auto every = std::make_shared<Counting>();
  const auto end = std::make_shared<Counting>();
  ASSERT_TRUE(hub.Add("t", every, Interest::kEveryChange, std::chrono::hours(1)));
  ASSERT_TRUE(hub.Add("t", end, Interest::kEnd, std::chrono::hours(1)));
  every->WaitFor(1);
  end->WaitFor(1);
  hub.Changed({"t", false});
  every->WaitFor(2);
  EXPECT_EQ(end->changes, 1);
  hub.Changed({"t", true});
  end->WaitFor(2);
  every->WaitFor(3);
  hub.Stop();
  executor.Stop();
  EXPECT_EQ(end->changes, 2);
}

}  // namespace
}  // namespace asya::gateway
