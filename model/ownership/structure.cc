#include "model/ownership/structure.h"

#include <iterator>
#include <set>
#include <string>
#include <utility>

#include "model/path.h"
#include "model/validate/causes.h"

namespace asya::model {
namespace {

const Schema& AnySchema() {
  static const Schema any = AnyValue("", "");
  return any;
}

void Collect(const Schema& schema, const json::Value& value, FieldSet& node) {
  switch (FormOf(schema, value)) {
    case Form::kLeaf:
      node.member = true;
      return;
    case Form::kMap:
      for (const auto& [name, member] : value.AsObject()) {
        FieldSet child;
        Collect(MemberSchema(schema, name), member, child);
        const bool empty_map = member.IsNull() || (member.IsObject() && member.AsObject().empty());
        if (empty_map || schema.FindField(name) == nullptr) child.member = true;
        if (!child.empty()) node.children.emplace(MemberElement(name), std::move(child));
      }
      return;
    case Form::kList:
      for (const json::Value& item : value.AsArray()) {
        const auto element = ElementOf(schema, item);
        if (!element) continue;
        FieldSet& child = node.children[*element];
        Collect(ElementSchema(schema), item, child);
        child.member = true;
      }
      return;
  }
}

// Whether `value` is empty then. Of what is emptied, that in `kept` stays; without `kept` it becomes null.
bool Remove(const Schema& schema, json::Value& value, const FieldSet& set, const FieldSet* kept) {
  const Form form = FormOf(schema, value);
  if (form == Form::kLeaf || set.children.empty()) return false;
  static const FieldSet nothing;
  const auto goes = [&](const PathElement& element, const Schema& inner, json::Value& below) {
    const auto found = set.children.find(element);
    if (found == set.children.end()) return false;
    if (found->second.member) return true;
    const FieldSet* inside = nullptr;
    if (kept != nullptr) {
      const auto place = kept->children.find(element);
      inside = place == kept->children.end() ? &nothing : &place->second;
    }
    if (!Remove(inner, below, found->second, inside)) return false;
    if (inside == nullptr) below = nullptr;
    return inside != nullptr && !inside->member;
  };
  if (form == Form::kMap) {
    json::Object& members = value.AsObject();
    for (auto member = members.begin(); member != members.end();) {
      const bool gone = goes(MemberElement(member->first), MemberSchema(schema, member->first), member->second);
      member = gone ? members.erase(member) : std::next(member);
    }
  } else {
    std::erase_if(value.AsArray(), [&](json::Value& item) {
      const auto element = ElementOf(schema, item);
      return element && goes(*element, ElementSchema(schema), item);
    });
  }
  return IsBlank(value);
}

// Names the key only: the rest of an element may be a secret.
void AddRepeated(const Schema& schema, const std::string& at, const json::Value& item, Causes& causes) {
  if (schema.list_type == ListType::kSet) return AddDuplicate(causes, at, item);
  json::Object key;
  for (const std::string& name : schema.list_map_keys) {
    if (const json::Value* part = item.Find(name)) key.emplace(name, *part);
  }
  if (key.size() == 1) return AddDuplicate(causes, MemberPath(at, key.begin()->first), key.begin()->second);
  AddDuplicate(causes, at, std::move(key));
}

void CheckList(const Schema& schema, const json::Value& list, const std::string& path, Causes& causes);

void CheckBelow(const Schema& schema, const json::Value& value, const std::string& path, Causes& causes) {
  switch (FormOf(schema, value)) {
    case Form::kLeaf:
      return;
    case Form::kMap:
      for (const auto& [name, member] : value.AsObject()) {
        const bool entry = schema.type == SchemaType::kMap;
        CheckBelow(MemberSchema(schema, name), member, entry ? EntryPath(path, name) : MemberPath(path, name), causes);
      }
      return;
    case Form::kList:
      return CheckList(schema, value, path, causes);
  }
}

void CheckList(const Schema& schema, const json::Value& list, const std::string& path, Causes& causes) {
  std::set<PathElement> seen;
  std::size_t index = 0;
  for (const json::Value& item : list.AsArray()) {
    const std::string at = ElementPath(path, index++);
    const auto element = ElementOf(schema, item);
    if (!element) {
      const bool keyed = schema.list_type == ListType::kMap && item.IsObject();
      if (keyed) AddRequired(causes, MemberPath(at, schema.list_map_keys.front()), "an element is found by it");
      if (!keyed) AddWrongType(causes, at, item, ElementSchema(schema));
      continue;
    }
    if (!seen.insert(*element).second) AddRepeated(schema, at, item, causes);
    CheckBelow(ElementSchema(schema), item, at, causes);
  }
}

}  // namespace

Form FormOf(const Schema& schema, const json::Value& value) {
  if (schema.atomic) return Form::kLeaf;
  switch (schema.type) {
    case SchemaType::kObject:
    case SchemaType::kMap:
    case SchemaType::kAny:
      return value.IsObject() ? Form::kMap : Form::kLeaf;
    case SchemaType::kList:
      return schema.list_type != ListType::kAtomic && value.IsArray() ? Form::kList : Form::kLeaf;
    case SchemaType::kString:
    case SchemaType::kInteger:
    case SchemaType::kNumber:
    case SchemaType::kBoolean:
    case SchemaType::kQuantity:
      break;
  }
  return Form::kLeaf;
}

const Schema& MemberSchema(const Schema& schema, std::string_view name) {
  if (schema.type == SchemaType::kMap) return schema.item.front();
  const Schema* field = schema.FindField(name);
  return field == nullptr ? AnySchema() : *field;
}

const Schema& ElementSchema(const Schema& schema) { return schema.item.front(); }

std::optional<PathElement> ElementOf(const Schema& list, const json::Value& item) {
  if (list.list_type == ListType::kSet) {
    if (item.IsObject() || item.IsArray() || item.IsNull()) return std::nullopt;
    return ValueElement(item);
  }
  json::Object key;
  for (const std::string& name : list.list_map_keys) {
    if (const json::Value* part = item.Find(name); part != nullptr && !part->IsNull()) key.emplace(name, *part);
  }
  if (key.empty()) return std::nullopt;
  return KeyElement(std::move(key));
}

bool IsBlank(const json::Value& value) {
  return value.IsNull() || (value.IsObject() && value.AsObject().empty()) ||
         (value.IsArray() && value.AsArray().empty());
}

FieldSet FieldsOf(const Schema& schema, const json::Value& config) {
  FieldSet set;
  Collect(schema, config, set);
  set.member = false;
  return set;
}

json::Value WithoutFields(const Schema& schema, json::Value object, const FieldSet& set, const FieldSet* kept) {
  Remove(schema, object, set, kept);
  return object;
}

FieldSet WithNamedFields(const Schema& schema, const FieldSet& set) {
  FieldSet named;
  named.member = set.member;
  for (const auto& [element, child] : set.children) {
    const bool is_member = element[0] == 'f';
    const std::string_view name = std::string_view(element).substr(2);
    const bool list = schema.type == SchemaType::kList;
    FieldSet below = WithNamedFields(list ? ElementSchema(schema) : MemberSchema(schema, name), child);
    if (is_member && schema.type == SchemaType::kObject && schema.FindField(name) != nullptr) below.member = true;
    named.children.emplace(element, std::move(below));
  }
  return named;
}

std::vector<Cause> CheckElements(const Schema& schema, const json::Value& config) {
  Causes causes;
  CheckBelow(schema, config, "", causes);
  return causes;
}

}  // namespace asya::model
