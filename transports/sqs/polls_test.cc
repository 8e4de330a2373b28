#include "transports/sqs/polls.h"

#include <gtest/gtest.h>

namespace asya::transports::sqs {
namespace {

class PollsTest : public ::testing::Test {
 protected:
  PollsTest() { polls_.SetCareful(false); }
  // Begins what is asked for now, and says for how many.
  std::size_t Begin(Calls::Id id, std::size_t leases) {
    const std::size_t count = polls_.Next(leases, now_);
    if (count > 0) polls_.Began(id, count, now_);
    return count;
  }
  Polls polls_;
  SteadyTime now_{std::chrono::hours(1)};
};

TEST_F(PollsTest, AsksForNoMoreThanWasGrantedAndTakesBackWhatDidNotCome) {
  polls_.Grant(3, now_);
  EXPECT_EQ(Begin(1, 0), 3U);
  EXPECT_EQ(Begin(2, 0), 0U);
  EXPECT_EQ(polls_.Ended(1, 1, now_), 1U);
  EXPECT_EQ(Begin(2, 0), 2U);
}

TEST_F(PollsTest, FewCreditsWaitForMoreWhileThereIsWork) {
  polls_.Grant(4, now_);
  EXPECT_EQ(Begin(1, 1), 0U);
  EXPECT_EQ(polls_.deadline(now_), now_ + kGatherLeast);
  polls_.Grant(6, now_);
  EXPECT_EQ(Begin(1, 1), 10U);
  polls_.Grant(2, now_);
  now_ += kGatherLeast;
  EXPECT_EQ(polls_.Ended(1, 0, now_), 0U);
  EXPECT_EQ(Begin(2, 1), 10U);
  // Nothing is worked on: nothing to wait for.
  EXPECT_EQ(polls_.Ended(2, 10, now_), 10U);
  EXPECT_EQ(Begin(3, 0), 2U);
}

TEST_F(PollsTest, MoreAreUnderWayOnlyWhileTheyComeBackFull) {
  polls_.Grant(100, now_);
  EXPECT_EQ(Begin(1, 0), 10U);
  EXPECT_EQ(Begin(2, 0), 0U);
  EXPECT_EQ(polls_.Ended(1, 10, now_), 10U);
  EXPECT_EQ(Begin(3, 10), 10U);
  EXPECT_EQ(Begin(4, 10), 10U);
  EXPECT_EQ(Begin(5, 10), 0U);
  EXPECT_EQ(polls_.Ended(3, 0, now_), 0U);
  EXPECT_EQ(Begin(6, 10), 0U);
}

TEST_F(PollsTest, WhatComesAfterARevocationIsNotWantedUnlessCreditsCameAgain) {
  polls_.Grant(10, now_);
  EXPECT_EQ(Begin(1, 0), 10U);
  polls_.Revoke();
  polls_.Grant(2, now_);
  EXPECT_EQ(Begin(2, 0), 0U);  // the one under way serves them
  EXPECT_EQ(polls_.Ended(1, 5, now_), 2U);
  EXPECT_EQ(Begin(2, 0), 0U);
}

TEST_F(PollsTest, SuspectsComeOneByOneAndAlone) {
  polls_.SetCareful(true);
  polls_.Grant(10, now_);
  EXPECT_EQ(Begin(1, 1), 0U);
  EXPECT_EQ(Begin(1, 0), 1U);
  EXPECT_EQ(Begin(2, 0), 0U);
}

TEST_F(PollsTest, AFailureMakesTheNextWaitLongerEachTime) {
  polls_.Grant(10, now_);
  EXPECT_EQ(Begin(1, 0), 10U);
  polls_.Failed(1, now_, 0.5);
  EXPECT_EQ(Begin(2, 0), 0U);
  EXPECT_EQ(polls_.deadline(now_), now_ + kPollPauseFirst);
  now_ += kPollPauseFirst;
  EXPECT_EQ(Begin(2, 0), 10U);
  polls_.Failed(2, now_, 0.5);
  EXPECT_EQ(polls_.deadline(now_), now_ + 2 * kPollPauseFirst);
}

}  // namespace
}  // namespace asya::transports::sqs
