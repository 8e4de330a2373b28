#include "model/validate/causes.h"

namespace asya::model {
namespace {

constexpr std::int64_t kDefaultMinReplicas = 0;
constexpr std::int64_t kDefaultMaxReplicas = 10;

void CheckReplicaRange(const json::Value& scaling, bool whole, Causes& causes) {
  const json::Value* min = scaling.Find("minReplicaCount");
  const json::Value* max = scaling.Find("maxReplicaCount");
  if ((min != nullptr && !min->IsInt()) || (max != nullptr && !max->IsInt())) return;
  // In a flavor the other bound may come from elsewhere.
  if (!whole && (min == nullptr || max == nullptr)) return;
  const std::int64_t low = min == nullptr ? kDefaultMinReplicas : min->AsInt();
  const std::int64_t high = max == nullptr ? kDefaultMaxReplicas : max->AsInt();
  if (low <= high) return;
  const std::string bound = max == nullptr ? std::to_string(high) + ", the default" : std::to_string(high);
  AddInvalid(causes, "spec.scaling.minReplicaCount", low, "must be at most maxReplicaCount (" + bound + ")");
}

void CheckFormula(const json::Value& scaling, bool whole, Causes& causes) {
  const json::Value* advanced = scaling.Find("advanced");
  if (advanced == nullptr || !advanced->IsObject()) return;
  const bool formula = advanced->Find("formula") != nullptr;
  const bool target = advanced->Find("target") != nullptr;
  if (whole && formula && !target) AddRequired(causes, "spec.scaling.advanced.target", "formula needs a target");
  if (whole && target && !formula) AddRequired(causes, "spec.scaling.advanced.formula", "target belongs to a formula");
  const std::string mode = scaling.GetString("mode").value_or(whole ? "managed" : "");
  if (mode != "managed") return;
  for (const char* field : {"formula", "target", "activationTarget", "metricType"}) {
    if (advanced->Find(field) == nullptr) continue;
    AddForbidden(causes, std::string("spec.scaling.advanced.") + field,
                 "needs scaling.mode \"native\"; in \"managed\" mode our scaler decides");
  }
}

void CheckTriggers(const json::Value& scaling, Causes& causes) {
  const json::Value* triggers = scaling.Find("additionalTriggers");
  if (triggers == nullptr || !triggers->IsArray()) return;
  std::vector<std::string> names = {"queue"};
  for (std::size_t i = 0; i < triggers->AsArray().size(); ++i) {
    const auto name = triggers->AsArray()[i].GetString("name");
    if (!name) continue;
    for (const std::string& taken : names) {
      if (taken == *name)
        AddDuplicate(causes, "spec.scaling.additionalTriggers[" + std::to_string(i) + "].name", *name);
    }
    names.push_back(*name);
  }
}

}  // namespace

void CheckScaling(const json::Value& spec, bool whole, Causes& causes) {
  const json::Value* scaling = spec.Find("scaling");
  if (scaling != nullptr && scaling->IsObject()) {
    CheckReplicaRange(*scaling, whole, causes);
    CheckFormula(*scaling, whole, causes);
    CheckTriggers(*scaling, causes);
  }
  if (spec.Find("replicas") == nullptr) return;
  const auto enabled = scaling == nullptr ? std::nullopt : scaling->GetBool("enabled");
  // Without a word of its own about scaling, a flavor may still switch it off.
  const bool open = !whole || (scaling == nullptr && spec.Find("flavors") != nullptr);
  if (enabled.value_or(!open)) {
    AddForbidden(causes, "spec.replicas",
                 "only allowed when scaling.enabled is false; use scaling.minReplicaCount and maxReplicaCount");
  }
}

}  // namespace asya::model
