// Resiliency: what follows a failed attempt by the actor's policies: another attempt, the exhausted route, or the end.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/base/result.h"
#include "relay/answer.h"

namespace asya::relay {

enum class Backoff { kConstant, kLinear, kExponential };

// Defaults by spec 02.
struct Policy {
  std::int64_t max_attempts = 3;
  Backoff backoff = Backoff::kExponential;
  std::chrono::microseconds initial_delay = std::chrono::seconds(1);
  std::chrono::microseconds max_interval = std::chrono::seconds(300);
  std::optional<std::chrono::microseconds> max_duration;  // from the start of the first attempt
  bool jitter = true;                                     // the delay is drawn from [0.5, 1] of it
  std::vector<std::string> on_exhausted;                  // actors
};

struct Rule {
  std::vector<std::string> errors;  // patterns
  std::string policy;
};

struct Resiliency {
  std::map<std::string, Policy, std::less<>> policies;
  std::vector<Rule> rules;

  // The policy for an error: first matching rule, else `default`, else none.
  [[nodiscard]] const Policy* PolicyFor(const HandlerError& error) const;
  // Largest of all policies, at least 1.
  [[nodiscard]] std::int64_t MaxAttempts() const;
};

// {name: {maxAttempts, backoff, initialDelay|initialInterval, maxInterval, maxDuration, jitter, onExhausted}}; appends
// to `problems` and returns what is right.
std::map<std::string, Policy, std::less<>> ParsePolicies(std::string_view text, std::vector<Error>& problems);
// [{errors: [patterns], policy}].
std::vector<Rule> ParseRules(std::string_view text, std::vector<Error>& problems);

// True when the pattern names the error's type or an ancestor: with a dot in full, else by the last part.
bool Matches(std::string_view pattern, const HandlerError& error);

struct Verdict {
  enum class Action { kRetry, kRoute, kFail };
  Action action = Action::kFail;
  std::chrono::microseconds delay{0};     // kRetry
  std::vector<std::string> on_exhausted;  // kRoute
  std::string reason;                     // kRoute, kFail: status.reason
  std::int64_t max_attempts = 1;
};

struct Attempt {
  std::int64_t number = 1;  // of the attempt that failed
  WallTime first_started{};
  WallTime now{};
  std::optional<WallTime> deadline;
};

// `plain_reason`: the reason when no policy applies.
Verdict Decide(const Resiliency& resiliency, const HandlerError& error, const Attempt& attempt,
               std::string_view plain_reason, Random& random);

}  // namespace asya::relay
