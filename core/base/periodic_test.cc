#include "core/base/periodic.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace asya {
namespace {

constexpr std::chrono::seconds kPatience{30};
constexpr std::chrono::hours kNever{24};

// Counts its runs, and lets the test wait for them.
class Runs {
 public:
  void Add() {
    const std::lock_guard lock(mutex_);
    ++count_;
    changed_.notify_all();
  }
  bool Wait(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return count_ >= count; });
  }
  int count() {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

TEST(Periodic, RunsAgainAndAgainAfterItsPause) {
  Runs runs;
  Periodic periodic([&] {
    runs.Add();
    return Periodic::Every(std::chrono::milliseconds(1));
  });
  periodic.Start(Periodic::Every(std::chrono::milliseconds(1)));
  periodic.Start(Periodic::Every(std::chrono::milliseconds(1)));
  EXPECT_TRUE(runs.Wait(3));
  periodic.Stop();
  const int stopped = runs.count();
  periodic.Stop();
  periodic.Start({});
  EXPECT_TRUE(runs.Wait(stopped + 2)) << "it may be started again";
}

TEST(Periodic, StopsInTheMiddleOfAPause) {
  Runs runs;
  Periodic periodic([&] {
    runs.Add();
    return Periodic::Every(kNever);
  });
  EXPECT_FALSE(periodic.stopping());
  periodic.Start(Periodic::Every(kNever));
  periodic.Stop();
  EXPECT_TRUE(periodic.stopping());
  EXPECT_EQ(runs.count(), 0);
  periodic.Start({});
  EXPECT_FALSE(periodic.stopping());
  EXPECT_TRUE(runs.Wait(1));
}

TEST(Periodic, SomebodyWhoAsksBringsTheNextRunForwardButNotBelowTheLeastPause) {
  Runs runs;
  Periodic periodic([&] {
    runs.Add();
    return runs.count() == 1 ? Periodic::Pause{{}, kNever} : Periodic::Every(kNever);
  });
  periodic.Start({});
  ASSERT_TRUE(runs.Wait(1));
  periodic.Ask();
  EXPECT_TRUE(runs.Wait(2));
  periodic.Ask();
  periodic.Stop();
  EXPECT_EQ(runs.count(), 2);
}

TEST(Periodic, StopWaitsForARunThatMaySeeIt) {
  Runs runs;
  std::atomic<bool> ended = false;
  Periodic* self = nullptr;
  Periodic periodic([&] {
    runs.Add();
    while (!self->stopping()) std::this_thread::yield();
    ended = true;
    return Periodic::Every(kNever);
  });
  self = &periodic;
  periodic.Start({});
  ASSERT_TRUE(runs.Wait(1));
  periodic.Stop();
  EXPECT_TRUE(ended);
}

}  // namespace
}  // namespace asya
