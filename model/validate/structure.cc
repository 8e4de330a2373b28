#include <set>

#include "model/path.h"
#include "model/validate/causes.h"
#include "model/validate/syntax.h"

namespace asya::model {
namespace {

void CheckString(const Schema& schema, const json::Value& value, const std::string& path, Causes& causes) {
  const std::string& text = value.AsString();
  if (schema.max_length && text.size() > *schema.max_length) return AddTooLong(causes, path, *schema.max_length);
  if (!schema.choices.empty()) {
    for (const std::string& choice : schema.choices) {
      if (choice == text) return;
    }
    return AddNotSupported(causes, path, value, schema.choices);
  }
  if (schema.required && text.empty()) return AddRequired(causes, path, "must not be empty");
  if (const auto wrong = CheckFormat(schema.format, text)) {
    if (schema.secret || schema.format == Format::kHttpUrl) return AddInvalidSecret(causes, path, *wrong);
    AddInvalid(causes, path, value, *wrong);
  }
}

void CheckInteger(const Schema& schema, const json::Value& value, const std::string& path, Causes& causes) {
  const std::int64_t number = value.AsInt();
  if (schema.minimum && number < *schema.minimum) {
    AddInvalid(causes, path, value, "must be at least " + std::to_string(*schema.minimum));
  } else if (schema.maximum && number > *schema.maximum) {
    AddInvalid(causes, path, value, "must be at most " + std::to_string(*schema.maximum));
  }
}

void CheckObject(const Schema& schema, const json::Value& value, const std::string& path, Causes& causes) {
  for (const Schema& field : schema.fields) {
    const std::string at = MemberPath(path, field.name);
    const json::Value* member = value.Find(field.name);
    if (member != nullptr && !member->IsNull()) {
      CheckStructure(field, *member, at, causes);
    } else if (field.required) {
      AddRequired(causes, at, "");
    }
  }
}

// The key that makes an element of a keyed list unique, as JSON text; empty when the element lacks one.
std::string ListKey(const Schema& schema, const json::Value& element) {
  if (schema.list_type == ListType::kSet) return json::Dump(element);
  json::Object key;
  for (const std::string& name : schema.list_map_keys) {
    const json::Value* part = element.Find(name);
    if (part == nullptr) return {};
    key[name] = *part;
  }
  return key.size() == 1 ? json::Dump(key.begin()->second) : json::Dump(key);
}

void CheckList(const Schema& schema, const json::Value& value, const std::string& path, Causes& causes) {
  const json::Array& array = value.AsArray();
  if (schema.max_items && array.size() > *schema.max_items) AddTooMany(causes, path, array.size(), *schema.max_items);
  std::set<std::string> seen;
  for (std::size_t i = 0; i < array.size(); ++i) {
    const std::string at = ElementPath(path, i);
    CheckStructure(schema.item.front(), array[i], at, causes);
    if (schema.list_type == ListType::kAtomic) continue;
    const std::string key = ListKey(schema, array[i]);
    if (key.empty() || seen.insert(key).second) continue;
    const bool by_name = schema.list_type == ListType::kMap && schema.list_map_keys.size() == 1;
    const std::string& name = by_name ? schema.list_map_keys.front() : std::string();
    AddDuplicate(causes, by_name ? at + "." + name : at, by_name ? *array[i].Find(name) : array[i]);
  }
}

bool HasType(const Schema& schema, const json::Value& value) {
  switch (schema.type) {
    case SchemaType::kString:
      return value.IsString();
    case SchemaType::kInteger:
      return value.IsInt();
    case SchemaType::kNumber:
      return value.IsNumber();
    case SchemaType::kBoolean:
      return value.IsBool();
    case SchemaType::kObject:
    case SchemaType::kMap:
      return value.IsObject();
    case SchemaType::kList:
      return value.IsArray();
    case SchemaType::kAny:
      return true;
    case SchemaType::kQuantity:
      return value.IsString() || value.IsNumber();
  }
  return false;
}

void CheckQuantity(const json::Value& value, const std::string& path, Causes& causes) {
  const auto quantity = ParseQuantity(value);
  if (!quantity) return AddInvalid(causes, path, value, "must be a quantity such as \"500m\", \"2\" or \"1Gi\"");
  if (*quantity < 0) AddInvalid(causes, path, value, "must be at least 0");
}

}  // namespace

void CheckStructure(const Schema& schema, const json::Value& value, const std::string& path, Causes& causes) {
  if (!HasType(schema, value)) return AddWrongType(causes, path, value, schema);
  switch (schema.type) {
    case SchemaType::kString:
      return CheckString(schema, value, path, causes);
    case SchemaType::kInteger:
      return CheckInteger(schema, value, path, causes);
    case SchemaType::kObject:
      return CheckObject(schema, value, path, causes);
    case SchemaType::kList:
      return CheckList(schema, value, path, causes);
    case SchemaType::kQuantity:
      return CheckQuantity(value, path, causes);
    case SchemaType::kMap:
      if (schema.max_items && value.AsObject().size() > *schema.max_items) {
        AddTooMany(causes, path, value.AsObject().size(), *schema.max_items);
      }
      for (const auto& [key, item] : value.AsObject())
        CheckStructure(schema.item.front(), item, EntryPath(path, key), causes);
      return;
    case SchemaType::kNumber:
    case SchemaType::kBoolean:
    case SchemaType::kAny:
      return;
  }
}

}  // namespace asya::model
