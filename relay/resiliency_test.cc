#include "relay/resiliency.h"

#include <gtest/gtest.h>

namespace asya::relay {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const HandlerError kError{"app.errors.RateLimited", {"app.errors.ApiError", "builtins.Exception"}, "m", ""};

Policy Steady(Backoff backoff) {
  Policy policy;
  policy.max_attempts = 100;
  policy.backoff = backoff;
  policy.initial_delay = seconds(2);
  policy.max_interval = seconds(10);
  policy.jitter = false;
  return policy;
}

Attempt Number(std::int64_t number) {
  Attempt attempt;
  attempt.number = number;
  attempt.now = WallTime(seconds(1000));
  attempt.first_started = WallTime(seconds(990));
  return attempt;
}

TEST(Resiliency, PatternsWithADotNameTheWholeTypeOthersItsLastPart) {
  for (const char* pattern :
       {"RateLimited", "ApiError", "app.errors.ApiError", "app.errors.RateLimited", "Exception"}) {
    EXPECT_TRUE(Matches(pattern, kError)) << pattern;
  }
  for (const char* pattern : {"errors.RateLimited", "Limited", "app", "builtins.ApiError", ""}) {
    EXPECT_FALSE(Matches(pattern, kError)) << pattern;
  }
}

TEST(Resiliency, TheFirstMatchingRuleWinsThenTheDefaultThenNone) {
  Resiliency resiliency;
  resiliency.policies["first"].max_attempts = 1;
  resiliency.policies["second"].max_attempts = 2;
  resiliency.rules = {{{"ValueError"}, "second"}, {{"ApiError"}, "first"}, {{"RateLimited"}, "second"}};
  EXPECT_EQ(resiliency.PolicyFor(kError)->max_attempts, 1);
  EXPECT_EQ(resiliency.PolicyFor({"other.Error", {}, "", ""}), nullptr);
  resiliency.policies["default"].max_attempts = 9;
  EXPECT_EQ(resiliency.PolicyFor({"other.Error", {}, "", ""})->max_attempts, 9);
  EXPECT_EQ(resiliency.MaxAttempts(), 9);
}

TEST(Resiliency, DelaysGrowAsTheBackoffSaysUpToTheLongest) {
  Random random(1);
  const auto delay = [&](Backoff backoff, std::int64_t attempt) {
    Resiliency resiliency;
    resiliency.policies["default"] = Steady(backoff);
    return Decide(resiliency, kError, Number(attempt), "RuntimeError", random).delay;
  };
  EXPECT_EQ(delay(Backoff::kConstant, 7), seconds(2));
  EXPECT_EQ(delay(Backoff::kLinear, 3), seconds(6));
  EXPECT_EQ(delay(Backoff::kExponential, 1), seconds(2));
  EXPECT_EQ(delay(Backoff::kExponential, 2), seconds(4));
  EXPECT_EQ(delay(Backoff::kExponential, 3), seconds(8));
  EXPECT_EQ(delay(Backoff::kExponential, 99), seconds(10));
}

TEST(Resiliency, JitterDrawsFromTheUpperHalf) {
  Random random(1);
  Resiliency resiliency;
  resiliency.policies["default"] = Steady(Backoff::kConstant);
  resiliency.policies["default"].jitter = true;
  auto least = std::chrono::microseconds::max();
  auto most = std::chrono::microseconds::min();
  for (int i = 0; i < 200; ++i) {
    const auto delay = Decide(resiliency, kError, Number(1), "", random).delay;
    least = std::min(least, delay);
    most = std::max(most, delay);
  }
  EXPECT_GE(least, seconds(1));
  EXPECT_LE(most, seconds(2));
  EXPECT_GT(most - least, milliseconds(500));
}

TEST(Resiliency, TheEndHasItsReason) {
  Random random(1);
  Resiliency resiliency;
  const auto reason = [&](const Attempt& attempt) {
    return Decide(resiliency, kError, attempt, "Timeout", random).reason;
  };
  EXPECT_EQ(reason(Number(1)), "Timeout");
  resiliency.policies["default"] = Steady(Backoff::kConstant);
  resiliency.policies["default"].max_attempts = 3;
  EXPECT_EQ(reason(Number(3)), "PolicyExhausted");
  EXPECT_EQ(Decide(resiliency, kError, Number(2), "", random).action, Verdict::Action::kRetry);
  resiliency.policies["default"].max_attempts = 1;
  EXPECT_EQ(reason(Number(1)), "NonRetryableFailure");
  resiliency.policies["default"].on_exhausted = {"rescue"};
  const Verdict routed = Decide(resiliency, kError, Number(1), "", random);
  EXPECT_EQ(routed.action, Verdict::Action::kRoute);
  EXPECT_EQ(routed.on_exhausted, std::vector<std::string>{"rescue"});
}

TEST(Resiliency, MaxDurationCountsFromTheFirstAttemptAndTheDeadlineEndsRetries) {
  Random random(1);
  Resiliency resiliency;
  resiliency.policies["default"] = Steady(Backoff::kConstant);
  resiliency.policies["default"].max_duration = seconds(11);
  EXPECT_EQ(Decide(resiliency, kError, Number(1), "", random).reason, "PolicyExhausted");
  resiliency.policies["default"].max_duration = seconds(12);
  Attempt attempt = Number(1);
  EXPECT_EQ(Decide(resiliency, kError, attempt, "", random).action, Verdict::Action::kRetry);
  attempt.deadline = attempt.now + seconds(2);
  EXPECT_EQ(Decide(resiliency, kError, attempt, "", random).reason, "Timeout");
}

TEST(Resiliency, AnErrorMayAskForALongerDelay) {
  Resiliency resiliency;
  resiliency.policies["default"].initial_delay = std::chrono::seconds(2);
  resiliency.policies["default"].jitter = false;
  Random random(1);
  HandlerError error{"http.TooManyRequests", {}, "", ""};
  const auto delay = [&] { return Decide(resiliency, error, Attempt{}, "RuntimeError", random).delay; };
  EXPECT_EQ(delay(), std::chrono::seconds(2));
  error.least_delay = std::chrono::seconds(1);
  EXPECT_EQ(delay(), std::chrono::seconds(2));
  error.least_delay = std::chrono::seconds(9);
  EXPECT_EQ(delay(), std::chrono::seconds(9));
}

}  // namespace
}  // namespace asya::relay
