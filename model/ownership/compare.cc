#include <map>
#include <utility>

#include "model/ownership/structure.h"

namespace asya::model {
namespace {

// A member or element on both sides; nullptr where it is absent.
struct Pair {
  const json::Value* before = nullptr;
  const json::Value* after = nullptr;
  const Schema* schema = nullptr;
};

bool IsContainer(const Schema& schema, const json::Value* value) {
  return value != nullptr && !IsBlank(*value) && FormOf(schema, *value) != Form::kLeaf;
}

// What is in the container, one side of the pairs.
void AddSide(const Schema& schema, const json::Value& value, const json::Value* Pair::*side,
             std::map<PathElement, Pair>& pairs) {
  if (FormOf(schema, value) == Form::kMap) {
    for (const auto& [name, member] : value.AsObject()) {
      Pair& pair = pairs[MemberElement(name)];
      pair.*side = &member;
      pair.schema = &MemberSchema(schema, name);
    }
    return;
  }
  for (const json::Value& item : value.AsArray()) {
    const auto element = ElementOf(schema, item);
    if (!element) continue;
    Pair& pair = pairs[*element];
    pair.*side = &item;
    pair.schema = &ElementSchema(schema);
  }
}

void Walk(const Pair& pair, Path& path, Comparison& found) {
  const auto here = [&](bool presence_only) {
    if (pair.before == nullptr) {
      found.added.Insert(path);
    } else if (pair.after == nullptr) {
      found.removed.Insert(path);
    } else if (!presence_only && *pair.before != *pair.after) {
      found.modified.Insert(path);
    }
  };
  const bool was_container = IsContainer(*pair.schema, pair.before);
  const bool is_container = IsContainer(*pair.schema, pair.after);
  // What is blank goes with either form.
  const auto fits = [](const json::Value* value, bool container) {
    return container || value == nullptr || IsBlank(*value);
  };
  if (!was_container && !is_container) return here(false);
  here(fits(pair.before, was_container) && fits(pair.after, is_container));
  std::map<PathElement, Pair> pairs;
  if (was_container) AddSide(*pair.schema, *pair.before, &Pair::before, pairs);
  if (is_container) AddSide(*pair.schema, *pair.after, &Pair::after, pairs);
  for (const auto& [element, below] : pairs) {
    path.push_back(element);
    Walk(below, path, found);
    path.pop_back();
  }
}

}  // namespace

Comparison Compare(const Schema& schema, const json::Value& before, const json::Value& after) {
  Comparison found;
  Path path;
  Walk(Pair{&before, &after, &schema}, path, found);
  for (FieldSet* set : {&found.added, &found.removed, &found.modified}) set->member = false;
  return found;
}

}  // namespace asya::model
