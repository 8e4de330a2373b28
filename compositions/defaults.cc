#include "compositions/defaults.h"

#include <string_view>

#include "model/kinds.h"

namespace asya::compositions {
namespace {

void Fill(const model::Schema& schema, json::Value& value) {
  if (schema.type == model::SchemaType::kObject && value.IsObject()) {
    for (const model::Schema& field : schema.fields) {
      json::Value* member = value.Find(field.name);
      if (member == nullptr && field.default_value) {
        value[field.name] = *field.default_value;
      } else if (member != nullptr) {
        Fill(field, *member);
      }
    }
  } else if (schema.type == model::SchemaType::kMap && value.IsObject()) {
    for (auto& [key, item] : value.AsObject()) Fill(schema.item.front(), item);
  } else if (schema.type == model::SchemaType::kList && value.IsArray()) {
    for (json::Value& item : value.AsArray()) Fill(schema.item.front(), item);
  }
}

void RenameAliases(json::Value& spec) {
  json::Value* resiliency = spec.Find("resiliency");
  json::Value* policies = resiliency == nullptr ? nullptr : resiliency->Find("policies");
  if (policies == nullptr || !policies->IsObject()) return;
  for (auto& [name, policy] : policies->AsObject()) {
    json::Value* alias = policy.Find("initialInterval");
    if (alias == nullptr) continue;
    json::Value delay = std::move(*alias);
    policy.AsObject().erase("initialInterval");
    policy["initialDelay"] = std::move(delay);
  }
}

}  // namespace

json::Value ApplyDefaults(json::Value spec) {
  for (const char* field : {"scaling", "resiliency"}) {
    if (spec[field].IsNull()) spec[field] = json::Object();
  }
  RenameAliases(spec);
  const bool had_replicas = spec.Find("replicas") != nullptr;
  Fill(*model::FindKindByName("AsyncActor")->schema.FindField("spec"), spec);
  if (!had_replicas && spec.Find("scaling")->GetBool("enabled").value_or(true)) spec.AsObject().erase("replicas");
  if (spec.Find("endpoint") == nullptr) return spec;
  // These speak of the runtime's container, which an endpoint does not have.
  for (const char* field : {"pythonExecutable", "imagePullPolicy"}) spec.AsObject().erase(field);
  return spec;
}

}  // namespace asya::compositions
