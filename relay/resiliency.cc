#include "relay/resiliency.h"

#include <algorithm>
#include <cmath>

namespace asya::relay {
namespace {

std::string_view LastPart(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

std::chrono::microseconds DelayAfter(const Policy& policy, std::int64_t attempt, Random& random) {
  const auto initial = static_cast<double>(policy.initial_delay.count());
  const auto longest = static_cast<double>(policy.max_interval.count());
  double delay = initial;
  if (policy.backoff == Backoff::kLinear) delay = initial * static_cast<double>(attempt);
  if (policy.backoff == Backoff::kExponential) {
    constexpr std::int64_t kExponentLimit = 62;
    delay = std::ldexp(initial, static_cast<int>(std::min(attempt - 1, kExponentLimit)));
  }
  delay = std::min(delay, longest);
  if (policy.jitter) delay *= 0.5 + 0.5 * random.Unit();
  return std::chrono::microseconds(static_cast<std::int64_t>(delay));
}

bool OutOfTime(const Policy& policy, const Attempt& attempt, std::chrono::microseconds delay) {
  return policy.max_duration && attempt.now + delay - attempt.first_started > *policy.max_duration;
}

}  // namespace

bool Matches(std::string_view pattern, const HandlerError& error) {
  const bool in_full = pattern.find('.') != std::string_view::npos;
  const auto matches = [&](std::string_view name) { return (in_full ? name : LastPart(name)) == pattern; };
  return matches(error.type) || std::any_of(error.mro.begin(), error.mro.end(), matches);
}

const Policy* Resiliency::PolicyFor(const HandlerError& error) const {
  std::string_view name = "default";
  for (const Rule& rule : rules) {
    if (std::any_of(rule.errors.begin(), rule.errors.end(),
                    [&](const std::string& pattern) { return Matches(pattern, error); })) {
      name = rule.policy;
      break;
    }
  }
  const auto found = policies.find(name);
  return found == policies.end() ? nullptr : &found->second;
}

std::int64_t Resiliency::MaxAttempts() const {
  std::int64_t most = 1;
  for (const auto& [name, policy] : policies) most = std::max(most, policy.max_attempts);
  return most;
}

Verdict Decide(const Resiliency& resiliency, const HandlerError& error, const Attempt& attempt,
               std::string_view plain_reason, Random& random) {
  Verdict verdict;
  const Policy* policy = resiliency.PolicyFor(error);
  if (policy == nullptr) {
    verdict.reason = std::string(plain_reason);
    return verdict;
  }
  verdict.max_attempts = policy->max_attempts;
  const auto delay =
      std::max(DelayAfter(*policy, attempt.number, random), error.least_delay.value_or(std::chrono::microseconds(0)));
  const bool exhausted = attempt.number >= policy->max_attempts || OutOfTime(*policy, attempt, delay);
  if (!exhausted) {
    if (attempt.deadline && attempt.now + delay >= *attempt.deadline) {
      verdict.reason = "Timeout";  // the next attempt would find the deadline passed
      return verdict;
    }
    verdict.action = Verdict::Action::kRetry;
    verdict.delay = delay;
    return verdict;
  }
  if (!policy->on_exhausted.empty()) {
    verdict.action = Verdict::Action::kRoute;
    verdict.on_exhausted = policy->on_exhausted;
    verdict.reason = "PolicyRouted";
  } else {
    verdict.reason = policy->max_attempts == 1 ? "NonRetryableFailure" : "PolicyExhausted";
  }
  return verdict;
}

}  // namespace asya::relay
