#include "gateway/task_hub.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

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

TEST(TaskHub, ATaskThatIsKnownToLiveIsNotAskedFor) {
  Executor executor(1, 100);
  executor.Start();
  TaskHub hub(executor, RealClock());
  hub.Start();
  hub.Changed({"t", false, true});
  const auto end = std::make_shared<Counting>();
  const auto every = std::make_shared<Counting>();
  const auto stranger = std::make_shared<Counting>();
  ASSERT_TRUE(hub.Add("t", end, Interest::kEnd, std::chrono::hours(1)));
  ASSERT_TRUE(hub.Add("t", every, Interest::kEveryChange, std::chrono::hours(1)));
  ASSERT_TRUE(hub.Add("u", stranger, Interest::kEnd, std::chrono::hours(1)));
  every->WaitFor(1);
  stranger->WaitFor(1);
  EXPECT_EQ(end->changes, 0);
  hub.Changed({"t", true});
  end->WaitFor(1);
  const auto late = std::make_shared<Counting>();
  ASSERT_TRUE(hub.Add("t", late, Interest::kEnd, std::chrono::hours(1)));
  late->WaitFor(1);
  hub.Stop();
  executor.Stop();
}

TEST(TaskHub, AListenerThatIsStillWaitingMayRunAfterTheStop) {
  class Leaving final : public TaskListener {
   public:
    bool OnChange() override {
      ran = true;
      return false;
    }
    void OnFly(const std::string&) override {}
    bool OnTime() override { return false; }
    std::atomic<bool> ran{false};
  };
  Executor executor(1, 100);
  executor.Start();
  std::promise<void> gate;
  ASSERT_TRUE(executor.Submit([opened = gate.get_future().share()] { opened.wait(); }));
  TaskHub hub(executor, RealClock());
  hub.Start();
  const auto listener = std::make_shared<Leaving>();
  ASSERT_TRUE(hub.Add("t", listener, Interest::kEveryChange, std::chrono::hours(1)));
  hub.Stop();
  gate.set_value();
  executor.Stop();
  EXPECT_TRUE(listener->ran);
}

TEST(TaskHub, AFullExecutorMakesAChangeLateButNotItsPeriodShort) {
  class Timed final : public TaskListener {
   public:
    bool OnChange() override {
      changed.set_value();
      return true;
    }
    void OnFly(const std::string&) override {}
    bool OnTime() override {
      ADD_FAILURE() << "the period of an hour is not over";
      return false;
    }
    std::promise<void> changed;
  };
  Executor executor(1, 1);
  executor.Start();
  std::promise<void> gate;
  std::promise<void> began;
  ASSERT_TRUE(executor.Submit([&, opened = gate.get_future().share()] {
    began.set_value();
    opened.wait();
  }));
  began.get_future().wait();
  ASSERT_TRUE(executor.Submit([] {}));  // the queue is full now
  TaskHub hub(executor, RealClock());
  hub.Start();
  const auto listener = std::make_shared<Timed>();
  ASSERT_TRUE(hub.Add("t", listener, Interest::kEveryChange, std::chrono::hours(1)));
  gate.set_value();
  listener->changed.get_future().wait();
  hub.Stop();
  executor.Stop();
}

}  // namespace
}  // namespace asya::gateway
