#include "compositions/flavors.h"

#include <map>
#include <string>

#include "model/kinds.h"
#include "model/path.h"

namespace asya::compositions {
namespace {

// Remembers which flavor set which leaf, so that a conflict names both.
class Merger {
 public:
  // Adds what `flavor` says to `target`.
  Status Add(const std::string& flavor, const json::Value& spec, json::Value& target) {
    const model::Schema* schema = model::FindKindByName("Flavor")->schema.FindField("spec");
    return MergeValue(flavor, schema, spec, "spec", target);
  }

 private:
  [[nodiscard]] Error Conflict(const std::string& flavor, const std::string& path, const std::string& what) const {
    const auto first = owners_.find(path);
    const std::string other = first == owners_.end() ? "an earlier one" : json::Quote(first->second);
    return Invalid(path, "flavors " + other + " and " + json::Quote(flavor) + " both set " + path + what +
                             ": keep it in one of them, or set it in the actor");
  }

  Status MergeValue(const std::string& flavor, const model::Schema* schema, const json::Value& source,
                    const std::string& path, json::Value& target) {
    if (target.IsNull()) {
      target = source;
      return Claim(flavor, schema, source, path);
    }
    if (source.IsObject() && target.IsObject()) return MergeObject(flavor, schema, source, path, target);
    if (source.IsArray() && target.IsArray()) return Append(flavor, schema, source, path, target);
    const bool same_type = std::string(source.TypeName()) == target.TypeName();
    return Conflict(flavor, path, same_type ? "" : ", with different types");
  }

  static const model::Schema* Member(const model::Schema* schema, const std::string& key) {
    if (schema == nullptr) return nullptr;
    if (schema->type == model::SchemaType::kMap) return &schema->item.front();
    return schema->FindField(key);
  }

  Status MergeObject(const std::string& flavor, const model::Schema* schema, const json::Value& source,
                     const std::string& path, json::Value& target) {
    for (const auto& [key, member] : source.AsObject()) {
      if (member.IsNull()) continue;
      ASYA_TRY_STATUS(MergeValue(flavor, Member(schema, key), member, model::MemberPath(path, key), target[key]));
    }
    return Ok();
  }

  // Elements of keyed lists (env by name) are leaves of their own: two flavors must not set the same one.
  Status Append(const std::string& flavor, const model::Schema* schema, const json::Value& source,
                const std::string& path, json::Value& target) {
    ASYA_TRY_STATUS(Claim(flavor, schema, source, path));
    for (const json::Value& item : source.AsArray()) target.AsArray().push_back(item);
    return Ok();
  }

  // "env[name=\"A\"]".
  static std::string KeyedPath(const model::Schema& schema, const json::Value& item, const std::string& path) {
    std::string text;
    for (const std::string& key : schema.list_map_keys) {
      const json::Value* part = item.Find(key);
      if (!text.empty()) text += ',';
      text += key;
      text += '=';
      if (part != nullptr) text += json::Dump(*part);
    }
    return model::EntryPath(path, text);
  }

  Status ClaimElements(const std::string& flavor, const model::Schema& schema, const json::Array& items,
                       const std::string& path) {
    for (const json::Value& item : items) {
      const std::string at = KeyedPath(schema, item, path);
      if (owners_.contains(at)) return Conflict(flavor, at, "");
      owners_[at] = flavor;
    }
    return Ok();
  }

  // Notes `flavor` as the owner of every leaf below.
  Status Claim(const std::string& flavor, const model::Schema* schema, const json::Value& value,
               const std::string& path) {
    if (value.IsObject()) {
      for (const auto& [key, member] : value.AsObject()) {
        ASYA_TRY_STATUS(Claim(flavor, Member(schema, key), member, model::MemberPath(path, key)));
      }
      return Ok();
    }
    if (value.IsArray() && schema != nullptr && schema->list_type == model::ListType::kMap) {
      return ClaimElements(flavor, *schema, value.AsArray(), path);
    }
    if (!value.IsArray()) owners_[path] = flavor;
    return Ok();
  }

  std::map<std::string, std::string> owners_;
};

const json::Value* FindFlavor(const std::vector<json::Value>& flavors, const std::string& name) {
  for (const json::Value& flavor : flavors) {
    const json::Value* found = flavor.FindPath({"metadata", "name"});
    if (found != nullptr && found->IsString() && found->AsString() == name) return &flavor;
  }
  return nullptr;
}

// The flavors of these names, merged in their order.
Result<json::Value> MergeNamed(const json::Value* names, const std::vector<json::Value>& flavors) {
  json::Value merged = json::Object();
  if (names == nullptr || !names->IsArray()) return merged;
  Merger merger;
  for (const json::Value& name : names->AsArray()) {
    if (!name.IsString()) return Invalid("spec.flavors", "must be a list of names");
    const json::Value* flavor = FindFlavor(flavors, name.AsString());
    if (flavor == nullptr) {
      return Error{ErrorCode::kNotFound, "flavor " + json::Quote(name.AsString()) + " does not exist", "spec.flavors"};
    }
    const json::Value* spec = flavor->Find("spec");
    if (spec != nullptr && spec->IsObject()) ASYA_TRY_STATUS(merger.Add(name.AsString(), *spec, merged));
  }
  return merged;
}

}  // namespace

Result<json::Value> MergeFlavors(const json::Value& actor, const std::vector<json::Value>& flavors) {
  const json::Value* own = actor.Find("spec");
  if (own == nullptr || !own->IsObject()) return Invalid("spec", "Required value");
  ASYA_TRY(json::Value merged, MergeNamed(own->Find("flavors"), flavors));
  for (const char* field : {"actor", "transport", "flavors"}) merged.AsObject().erase(field);
  for (const auto& [field, value] : own->AsObject()) {
    if (!value.IsNull() && field != "flavors") merged[field] = value;
  }
  return merged;
}

}  // namespace asya::compositions
