// Depths: what reports say, in any order and more than once, and what is seen where they are wrong.
#include "transports/pubsub/depths.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace asya::transports::pubsub {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class PubsubDepths : public ::testing::Test {
 protected:
  PubsubDepths() { depths_.Add("q"); }

  Report Of(const std::string& instance, std::int64_t leased, std::int64_t arrived, std::int64_t settled) {
    Report report;
    report.instance = instance;
    report.number = ++numbers_[instance];
    report.queue = "q";
    report.leased = leased;
    report.changes["q"] = {arrived, settled, {}};
    return report;
  }

  FakeClock clock_;
  Depths depths_{clock_};
  std::map<std::string, std::int64_t> numbers_;
};

TEST_F(PubsubDepths, AReportCountsOnceAndAnOldOneSaysNothingOfLeases) {
  const Report first = Of("a", 1, 3, 0);
  const Report second = Of("a", 2, 0, 0);
  EXPECT_THAT(depths_.Take(second), IsEmpty());
  EXPECT_THAT(depths_.Take(first), ElementsAre("q"));
  EXPECT_THAT(depths_.Take(first), IsEmpty());
  EXPECT_EQ(depths_.Stats("q").visible, 1);
  EXPECT_EQ(depths_.Stats("q").in_flight, 2);
}

TEST_F(PubsubDepths, WhatIsTakenOutMayBeToldBeforeWhatWasPutIn) {
  depths_.Take(Of("a", 0, 0, 2));
  EXPECT_EQ(depths_.Stats("q").visible, 0);
  depths_.Take(Of("b", 0, 2, 0));
  EXPECT_EQ(depths_.Messages("q"), 0);
}

TEST_F(PubsubDepths, WhoeverIsSilentHoldsNothingAndIsNoWatcher) {
  depths_.Take(Of("a", 1, 1, 0));
  EXPECT_EQ(depths_.Stats("q").in_flight, 1);
  clock_.Advance(kSilentFor + std::chrono::seconds(1));
  EXPECT_EQ(depths_.Stats("q").in_flight, 0);
  EXPECT_EQ(depths_.Stats("q").visible, 1);
}

TEST_F(PubsubDepths, ConsumersThatFindNothingShowThatNothingIsThere) {
  depths_.Take(Of("a", 0, 3, 0));  // and its acknowledgements were never told
  clock_.Advance(kIdleEnough + std::chrono::seconds(1));
  Report idle = Of("a", 0, 0, 0);
  idle.idle_ms = std::chrono::milliseconds(kIdleEnough).count();
  depths_.Take(idle);
  EXPECT_EQ(depths_.Messages("q"), 0);
}

TEST_F(PubsubDepths, AQueueThatSeemsEmptyIsLookedIntoWhileNobodyWatches) {
  EXPECT_THAT(depths_.Unwatched(), ElementsAre("q"));
  depths_.Take(Of("a", 0, 0, 0));
  EXPECT_THAT(depths_.Unwatched(), IsEmpty());
  Report last = Of("a", 0, 0, 0);
  last.ends = true;
  depths_.Take(last);
  EXPECT_THAT(depths_.Unwatched(), ElementsAre("q"));
  depths_.Found("q");
  EXPECT_EQ(depths_.Stats("q").visible, 1);
  EXPECT_THAT(depths_.Unwatched(), IsEmpty());
}

TEST_F(PubsubDepths, ARetryIsDelayedUntilItIsDue) {
  depths_.Take(Of("a", 0, 1, 0));
  Report retry = Of("a", 0, 0, 0);
  retry.changes["q"].due = {clock_.Now() + std::chrono::seconds(2)};
  EXPECT_THAT(depths_.Take(retry), IsEmpty());
  EXPECT_EQ(depths_.Stats("q").delayed, 1);
  EXPECT_EQ(depths_.Stats("q").visible, 0);
  EXPECT_EQ(depths_.NextDue(), clock_.Now() + std::chrono::seconds(2));
  EXPECT_THAT(depths_.TakeDue(), IsEmpty());
  clock_.Advance(std::chrono::seconds(2));
  EXPECT_EQ(depths_.Stats("q").visible, 1);
  EXPECT_THAT(depths_.TakeDue(), ElementsAre("q"));
  EXPECT_THAT(depths_.TakeDue(), IsEmpty());
  EXPECT_EQ(depths_.NextDue(), std::nullopt);
}

TEST_F(PubsubDepths, ARetryThatBecomesDueBeforeAnybodyAskedIsToldAllTheSame) {
  depths_.Take(Of("a", 1, 1, 0));
  Report retry = Of("a", 1, 0, 0);  // its own lease is still told of
  const WallTime due = clock_.Now() + std::chrono::milliseconds(50);
  retry.changes["q"].due = {due};
  depths_.Take(retry);
  clock_.Advance(std::chrono::milliseconds(100));
  depths_.Take(Of("b", 0, 0, 0));
  EXPECT_EQ(depths_.NextDue(), due);
  EXPECT_THAT(depths_.TakeDue(), ElementsAre("q"));
}

TEST_F(PubsubDepths, WhatIsLetGoIsToldAsWorkAndWhatIsDoneIsNot) {
  depths_.Take(Of("a", 2, 2, 0));
  EXPECT_THAT(depths_.Take(Of("a", 1, 0, 1)), IsEmpty());
  EXPECT_THAT(depths_.Take(Of("a", 0, 0, 0)), ElementsAre("q"));
  EXPECT_THAT(depths_.Take(Of("a", 0, 0, 0)), IsEmpty());
}

}  // namespace
}  // namespace asya::transports::pubsub
