// Reading ASYA_RESILIENCY_POLICIES and ASYA_RESILIENCY_RULES.
#include "core/json/parse.h"
#include "relay/resiliency.h"

namespace asya::relay {
namespace {

using Problems = std::vector<Error>;

void Refuse(Problems& problems, const std::string& field, const std::string& accepted, const json::Value& got) {
  problems.push_back(Invalid(field, "got " + json::Dump(got) + "; " + accepted));
}

void ReadDuration(const json::Value& value, const std::string& field, std::chrono::microseconds& target,
                  Problems& problems) {
  const auto parsed = value.IsString() ? ParseGoDuration(value.AsString()) : std::nullopt;
  if (parsed) {
    target = *parsed;
  } else {
    Refuse(problems, field, "a duration such as \"1s\", \"250ms\" or \"5m\" is accepted", value);
  }
}

void ReadNames(const json::Value& value, const std::string& field, std::vector<std::string>& target,
               Problems& problems) {
  bool right = value.IsArray();
  if (right) {
    for (const json::Value& item : value.AsArray()) {
      right = right && item.IsString() && !item.AsString().empty();
      if (right) target.push_back(item.AsString());
    }
  }
  if (!right) Refuse(problems, field, "a list of names is accepted", value);
}

void ReadBackoff(const json::Value& value, const std::string& field, Backoff& target, Problems& problems) {
  const std::string name = value.IsString() ? value.AsString() : "";
  if (name == "constant") {
    target = Backoff::kConstant;
  } else if (name == "linear") {
    target = Backoff::kLinear;
  } else if (name == "exponential") {
    target = Backoff::kExponential;
  } else {
    Refuse(problems, field, "constant, linear and exponential are accepted", value);
  }
}

void ReadPolicyField(const std::string& key, const json::Value& value, const std::string& field, Policy& policy,
                     Problems& problems) {
  if (key == "maxAttempts") {
    if (value.IsInt() && value.AsInt() >= 1) {
      policy.max_attempts = value.AsInt();
    } else {
      Refuse(problems, field, "an integer of 1 or more is accepted", value);
    }
  } else if (key == "backoff") {
    ReadBackoff(value, field, policy.backoff, problems);
  } else if (key == "initialDelay" || key == "initialInterval") {
    ReadDuration(value, field, policy.initial_delay, problems);
  } else if (key == "maxInterval") {
    ReadDuration(value, field, policy.max_interval, problems);
  } else if (key == "maxDuration") {
    ReadDuration(value, field, policy.max_duration.emplace(0), problems);
  } else if (key == "jitter") {
    if (value.IsBool()) {
      policy.jitter = value.AsBool();
    } else {
      Refuse(problems, field, "true and false are accepted", value);
    }
  } else if (key == "onExhausted") {
    ReadNames(value, field, policy.on_exhausted, problems);
  } else {
    Refuse(problems, field,
           "unknown; maxAttempts, backoff, initialDelay, maxInterval, maxDuration, jitter and onExhausted are accepted",
           value);
  }
}

}  // namespace

std::map<std::string, Policy, std::less<>> ParsePolicies(std::string_view text, Problems& problems) {
  std::map<std::string, Policy, std::less<>> policies;
  if (text.empty()) return policies;
  const auto value = json::Parse(text);
  if (!value.ok() || !value->IsObject()) {
    problems.push_back(
        Invalid("", "not a JSON object {name: policy}" + (value.ok() ? "" : ": " + value.error().message)));
    return policies;
  }
  for (const auto& [name, fields] : value->AsObject()) {
    Policy& policy = policies[name];
    if (!fields.IsObject()) {
      Refuse(problems, name, "an object is accepted", fields);
      continue;
    }
    for (const auto& [key, field] : fields.AsObject()) {
      if (!field.IsNull()) ReadPolicyField(key, field, name + "." + key, policy, problems);
    }
  }
  return policies;
}

std::vector<Rule> ParseRules(std::string_view text, Problems& problems) {
  std::vector<Rule> rules;
  if (text.empty()) return rules;
  const auto value = json::Parse(text);
  if (!value.ok() || !value->IsArray()) {
    problems.push_back(
        Invalid("", "not a JSON list [{errors, policy}]" + (value.ok() ? "" : ": " + value.error().message)));
    return rules;
  }
  for (const json::Value& item : value->AsArray()) {
    const std::string field = "[" + std::to_string(rules.size()) + "]";
    Rule& rule = rules.emplace_back();
    const json::Value* errors = item.Find("errors");
    const auto policy = item.GetString("policy");
    if (errors == nullptr || !policy || policy->empty()) {
      Refuse(problems, field, "an object {errors: [patterns], policy: name} is accepted", item);
      continue;
    }
    ReadNames(*errors, field + ".errors", rule.errors, problems);
    rule.policy = *policy;
  }
  return rules;
}

}  // namespace asya::relay
