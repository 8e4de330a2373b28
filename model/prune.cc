#include <algorithm>

#include "model/kinds.h"
#include "model/path.h"

namespace asya::model {
namespace {

void Prune(const Schema& schema, json::Value& value, const std::string& path, std::vector<std::string>& unknown);

void PruneObject(const Schema& schema, json::Value& value, const std::string& path, std::vector<std::string>& unknown) {
  json::Object& object = value.AsObject();
  for (auto member = object.begin(); member != object.end();) {
    const std::string at = MemberPath(path, member->first);
    const Schema* field = schema.FindField(member->first);
    if (field == nullptr && !schema.preserve_unknown) {
      unknown.push_back(at);
      member = object.erase(member);
      continue;
    }
    // A known member that is null says nothing (YAML `env:`): it counts as absent.
    if (field != nullptr && member->second.IsNull()) {
      member = object.erase(member);
      continue;
    }
    if (field != nullptr) Prune(*field, member->second, at, unknown);
    ++member;
  }
}

void Prune(const Schema& schema, json::Value& value, const std::string& path, std::vector<std::string>& unknown) {
  if (schema.type == SchemaType::kObject && value.IsObject()) {
    PruneObject(schema, value, path, unknown);
  } else if (schema.type == SchemaType::kMap && value.IsObject()) {
    for (auto& [key, item] : value.AsObject()) Prune(schema.item.front(), item, EntryPath(path, key), unknown);
  } else if (schema.type == SchemaType::kList && value.IsArray()) {
    std::size_t index = 0;
    for (json::Value& item : value.AsArray()) {
      Prune(schema.item.front(), item, ElementPath(path, index++), unknown);
    }
  }
}

}  // namespace

std::vector<std::string> PruneUnknown(const KindInfo& kind, json::Value& object) {
  std::vector<std::string> unknown;
  Prune(kind.schema, object, "", unknown);
  std::sort(unknown.begin(), unknown.end());
  return unknown;
}

}  // namespace asya::model
