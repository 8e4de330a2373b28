#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <deque>
#include <latch>

#include "core/base/clock.h"
#include "core/base/executor.h"
#include "core/base/percent.h"
#include "core/base/random.h"
#include "core/base/result.h"
#include "core/base/strong.h"

namespace asya {
namespace {

Result<int> Half(int value) {
  if (value % 2 != 0) return Invalid("value", "odd");
  return value / 2;
}

Result<int> Quarter(int value) {
  ASYA_TRY(const int half, Half(value));
  return Half(half);
}

TEST(Result, TryReturnsTheFirstError) {
  EXPECT_EQ(Quarter(8).value(), 2);
  EXPECT_EQ(Quarter(6).error().field, "value");
}

TEST(Clock, Rfc3339RoundTrips) {
  const auto time = ParseRfc3339("2026-11-18T12:00:00.250001Z");
  ASSERT_TRUE(time.has_value());
  EXPECT_EQ(FormatRfc3339(*time, true), "2026-11-18T12:00:00.250001Z");
  EXPECT_EQ(FormatRfc3339(*ParseRfc3339("2026-11-18T14:30:00+02:30")), "2026-11-18T12:00:00Z");
  for (const char* bad : {"", "2026-11-18", "2026-13-01T00:00:00Z", "2026-11-18T12:00:00", "2026-11-18T12:00:00.Z"}) {
    EXPECT_FALSE(ParseRfc3339(bad).has_value()) << bad;
  }
}

// Undefined behaviour that only the sanitizers see, where it is wrong.
TEST(Clock, IsThereUntilTheProcessEnds) {
  const auto end_of_process = [] {
    std::atexit([] { std::_Exit(RealClock().Steady() > SteadyTime{} ? 0 : 1); });
    static_cast<void>(RealClock());
    std::exit(1);
  };
  EXPECT_EXIT(end_of_process(), ::testing::ExitedWithCode(0), "^$");
}

TEST(Clock, GoDurations) {
  using std::chrono::microseconds;
  EXPECT_EQ(ParseGoDuration("600s"), microseconds(600'000'000));
  EXPECT_EQ(ParseGoDuration("1h30m"), microseconds(5'400'000'000));
  EXPECT_EQ(ParseGoDuration("1.5s"), microseconds(1'500'000));
  EXPECT_EQ(ParseGoDuration("250ms"), microseconds(250'000));
  for (const char* bad : {"", "5", "-1s", "1 s", "s", "1x"}) EXPECT_FALSE(ParseGoDuration(bad).has_value()) << bad;
}

TEST(Executor, RefusesOverItsBoundAndFinishesOnStop) {
  Executor executor(1, 2);
  EXPECT_FALSE(executor.Submit([] {}));
  executor.Start();
  std::atomic<int> done{0};
  int accepted = 0;
  for (int i = 0; i < 2; ++i) accepted += executor.Submit([&] { ++done; }) ? 1 : 0;
  executor.Stop();
  EXPECT_EQ(done.load(), accepted);
  EXPECT_GE(accepted, 1);
}

TEST(Executor, RunsAsManyAtOnceAsItHasThreads) {
  constexpr int kThreads = 4;
  std::deque<std::latch> rounds;
  Executor executor(kThreads, 16);
  executor.Start();
  for (int round = 0; round < 100; ++round) {
    std::latch& together = rounds.emplace_back(kThreads + 1);
    for (int i = 0; i < kThreads; ++i) ASSERT_TRUE(executor.Submit([&] { together.arrive_and_wait(); }));
    together.arrive_and_wait();
  }
  executor.Stop();
}

TEST(Random, UuidHasVersionFour) {
  const std::string uuid = NewUuid();
  ASSERT_EQ(uuid.size(), 36U);
  EXPECT_EQ(uuid[14], '4');
  EXPECT_NE(uuid, NewUuid());
}

TEST(Random, AnOrderedUuidSortsByTime) {
  const WallTime now(std::chrono::milliseconds(0x0123456789ab));
  const std::string uuid = NewOrderedUuid(now);
  ASSERT_EQ(uuid.size(), 36U);
  EXPECT_EQ(uuid.substr(0, 15), "01234567-89ab-7");
  EXPECT_LT(uuid, NewOrderedUuid(now + std::chrono::milliseconds(1)));
  EXPECT_NE(uuid, NewOrderedUuid(now));
}

using Metres = Strong<struct MetresTag, int>;
TEST(Strong, Compares) { EXPECT_LT(Metres(1), Metres(2)); }

TEST(PercentEncoded, LeavesOnlyUnreservedCharacters) {
  EXPECT_EQ(PercentEncoded("aZ09-_.~"), "aZ09-_.~");
  EXPECT_EQ(PercentEncoded("/ +%\xc3\xa9"), "%2F%20%2B%25%C3%A9");
}

}  // namespace
}  // namespace asya
