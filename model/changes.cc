#include "model/changes.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "model/ownership/structure.h"
#include "model/path.h"

namespace asya::model {
namespace {

using Found = std::vector<Change>;

// The elements of a list by their keys; nullopt where one has none, or has that of another.
using Elements = std::map<PathElement, const json::Value*>;
std::optional<Elements> ElementsOf(const Schema& schema, const json::Value& list) {
  if (FormOf(schema, list) != Form::kList) return std::nullopt;
  Elements elements;
  for (const json::Value& item : list.AsArray()) {
    const auto element = ElementOf(schema, item);
    if (!element || !elements.emplace(*element, &item).second) return std::nullopt;
  }
  return elements;
}

// Those of `list` that `other` has too, in their order.
std::vector<PathElement> InOrder(const Schema& schema, const json::Value& list, const Elements& other) {
  std::vector<PathElement> order;
  for (const json::Value& item : list.AsArray()) {
    const auto element = ElementOf(schema, item);
    if (element && other.contains(*element)) order.push_back(*element);
  }
  return order;
}

std::string Plain(const json::Value& value) { return value.IsString() ? value.AsString() : json::Dump(value); }

// "env[name=A]"; of a set "finalizers[a/b]".
std::string KeyedPath(const Schema& list, const std::string& path, const json::Value& item) {
  if (list.list_type == ListType::kSet) return EntryPath(path, Plain(item));
  std::string keys;
  for (const std::string& name : list.list_map_keys) {
    const json::Value* key = item.Find(name);
    if (key == nullptr) continue;
    keys += (keys.empty() ? "" : ",") + name + "=" + Plain(*key);
  }
  return EntryPath(path, keys);
}

void Walk(const Schema& schema, const json::Value* before, const json::Value* after, const std::string& path,
          Found& found);

void WalkMembers(const Schema& schema, const json::Value& before, const json::Value& after, const std::string& path,
                 Found& found) {
  std::set<std::string> names;
  for (const auto& [name, value] : before.AsObject()) names.insert(name);
  for (const auto& [name, value] : after.AsObject()) names.insert(name);
  for (const std::string& name : names) {
    // A name that would be taken for several is an entry too.
    const bool entry = schema.type == SchemaType::kMap || name.find_first_of(".[]") != std::string::npos;
    Walk(MemberSchema(schema, name), before.Find(name), after.Find(name),
         entry ? EntryPath(path, name) : MemberPath(path, name), found);
  }
}

void WalkKeyed(const Schema& schema, const Elements& before, const Elements& after, const std::string& path,
               Found& found) {
  std::set<PathElement> all;
  for (const auto& [element, item] : before) all.insert(element);
  for (const auto& [element, item] : after) all.insert(element);
  for (const PathElement& element : all) {
    const auto was = before.find(element);
    const auto is = after.find(element);
    const json::Value* old_item = was == before.end() ? nullptr : was->second;
    const json::Value* new_item = is == after.end() ? nullptr : is->second;
    Walk(ElementSchema(schema), old_item, new_item,
         KeyedPath(schema, path, new_item == nullptr ? *old_item : *new_item), found);
  }
}

// By position, without what both begin and end with. Where several came for several others nobody can tell which is
// which: then the list is one value.
void WalkPositions(const Schema& schema, const json::Value& before, const json::Value& after, const std::string& path,
                   Found& found) {
  const json::Array& old_items = before.AsArray();
  const json::Array& new_items = after.AsArray();
  const std::size_t shorter = std::min(old_items.size(), new_items.size());
  std::size_t head = 0;
  while (head < shorter && old_items[head] == new_items[head]) ++head;
  std::size_t tail = 0;
  while (tail < shorter - head && old_items[old_items.size() - 1 - tail] == new_items[new_items.size() - 1 - tail]) {
    ++tail;
  }
  const std::size_t gone = old_items.size() - head - tail;
  const std::size_t come = new_items.size() - head - tail;
  if (gone != come && gone > 0 && come > 0) {
    found.push_back({path, before, after});
    return;
  }
  static const Schema any;
  const Schema& item = schema.type == SchemaType::kList ? schema.item.front() : any;
  for (std::size_t i = head; i < head + std::max(gone, come); ++i) {
    Walk(item, gone > 0 ? &old_items[i] : nullptr, come > 0 ? &new_items[i] : nullptr, ElementPath(path, i), found);
  }
}

void WalkLists(const Schema& schema, const json::Value& before, const json::Value& after, const std::string& path,
               Found& found) {
  const auto old_elements = ElementsOf(schema, before);
  const auto new_elements = ElementsOf(schema, after);
  if (!old_elements || !new_elements) return WalkPositions(schema, before, after, path, found);
  WalkKeyed(schema, *old_elements, *new_elements, path, found);
  if (InOrder(schema, before, *new_elements) != InOrder(schema, after, *old_elements)) {
    found.push_back({path, before, after});
  }
}

void Walk(const Schema& schema, const json::Value* before, const json::Value* after, const std::string& path,
          Found& found) {
  if (before == nullptr || after == nullptr) {
    Change change{path, std::nullopt, std::nullopt};
    if (before != nullptr) change.before = *before;
    if (after != nullptr) change.after = *after;
    found.push_back(std::move(change));
    return;
  }
  if (*before == *after) return;
  if (before->IsObject() && after->IsObject()) return WalkMembers(schema, *before, *after, path, found);
  if (before->IsArray() && after->IsArray()) return WalkLists(schema, *before, *after, path, found);
  found.push_back({path, *before, *after});
}

}  // namespace

std::vector<Change> Changes(const Schema& schema, const json::Value& before, const json::Value& after) {
  Found found;
  Walk(schema, &before, &after, "", found);
  return found;
}

}  // namespace asya::model
