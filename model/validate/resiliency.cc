#include "model/validate/causes.h"

namespace asya::model {
namespace {

void CheckPolicy(const std::string& name, const json::Value& policy, Causes& causes) {
  const std::string path = "spec.resiliency.policies[" + name + "]";
  if (policy.Find("initialDelay") != nullptr && policy.Find("initialInterval") != nullptr) {
    AddForbidden(causes, path + ".initialInterval", "it is an alias of initialDelay: give only one of them");
  }
  const json::Value* exhausted = policy.Find("onExhausted");
  if (exhausted == nullptr || !exhausted->IsArray()) return;
  for (std::size_t i = 0; i < exhausted->AsArray().size(); ++i) {
    const json::Value& actor = exhausted->AsArray()[i];
    if (!actor.IsString() || !IsSystemEnd(actor.AsString())) continue;
    AddInvalid(causes, path + ".onExhausted[" + std::to_string(i) + "]", actor,
               "must be an actor of yours: failed envelopes reach x-sink and x-sump by themselves");
  }
}

std::vector<std::string> PolicyNames(const json::Value* policies) {
  std::vector<std::string> names;
  if (policies == nullptr || !policies->IsObject()) return names;
  for (const auto& [name, policy] : policies->AsObject()) names.push_back(name);
  return names;
}

void CheckRule(const json::Value& rule, const std::string& path, const std::vector<std::string>& names, bool whole,
               Causes& causes) {
  const json::Value* errors = rule.Find("errors");
  if (errors != nullptr && errors->IsArray() && errors->AsArray().empty()) {
    AddRequired(causes, path + ".errors", "must name at least one error type");
  }
  const auto policy = rule.GetString("policy");
  if (!whole || !policy || policy->empty()) return;
  for (const std::string& name : names) {
    if (name == *policy) return;
  }
  if (names.empty()) {
    AddInvalid(causes, path + ".policy", *policy, "must be a name in resiliency.policies, which is empty");
  } else {
    AddNotSupported(causes, path + ".policy", *policy, names);
  }
}

}  // namespace

void CheckResiliency(const json::Value& spec, bool whole, Causes& causes) {
  const json::Value* resiliency = spec.Find("resiliency");
  if (resiliency == nullptr || !resiliency->IsObject()) return;
  const json::Value* policies = resiliency->Find("policies");
  if (policies != nullptr && policies->IsObject()) {
    for (const auto& [name, policy] : policies->AsObject()) CheckPolicy(name, policy, causes);
  }
  const json::Value* rules = resiliency->Find("rules");
  if (rules == nullptr || !rules->IsArray()) return;
  const std::vector<std::string> names = PolicyNames(policies);
  for (std::size_t i = 0; i < rules->AsArray().size(); ++i) {
    CheckRule(rules->AsArray()[i], "spec.resiliency.rules[" + std::to_string(i) + "]", names, whole, causes);
  }
}

}  // namespace asya::model
