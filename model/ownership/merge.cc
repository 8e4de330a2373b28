#include <map>
#include <utility>

#include "model/ownership/structure.h"

namespace asya::model {
namespace {

// A list with its elements' identities, in its order.
struct Elements {
  std::vector<std::pair<PathElement, const json::Value*>> order;
  std::map<PathElement, const json::Value*> by_element;

  Elements(const Schema& schema, const json::Value& list) {
    for (const json::Value& item : list.AsArray()) {
      const auto element = ElementOf(schema, item);
      if (element && by_element.emplace(*element, &item).second) order.emplace_back(*element, &item);
    }
  }
  [[nodiscard]] const json::Value* Find(const PathElement& element) const {
    const auto found = by_element.find(element);
    return found == by_element.end() ? nullptr : found->second;
  }
};

json::Value MergeMaps(const Schema& schema, const json::Value& live, const json::Value& config) {
  json::Object merged = live.AsObject();
  for (const auto& [name, member] : config.AsObject()) {
    const auto [place, is_new] = merged.try_emplace(name, member);
    if (!is_new) place->second = Merge(MemberSchema(schema, name), place->second, member);
  }
  return merged;
}

// Walks both lists at once. An element that both have is put where `config` has it: in `live` it is passed over, unless
// it is the next one of those in the order of `config`.
json::Value MergeLists(const Schema& schema, const json::Value& live_list, const json::Value& config_list) {
  const Elements live(schema, live_list);
  const Elements config(schema, config_list);
  json::Array merged;
  const auto take = [&](const PathElement& element, const json::Value& given) {
    const json::Value* twin = live.Find(element);
    merged.push_back(twin == nullptr ? given : Merge(ElementSchema(schema), *twin, given));
  };
  std::size_t next = 0;    // in `config`, what is not taken yet
  std::size_t shared = 0;  // the first from there that `live` has too
  const auto seek = [&] {
    while (shared < config.order.size() && live.Find(config.order[shared].first) == nullptr) ++shared;
  };
  for (const auto& [element, item] : live.order) {
    seek();
    if (config.Find(element) == nullptr) {
      merged.push_back(*item);
    } else if (shared < config.order.size() && config.order[shared].first == element) {
      // What is new and comes before it in `config` goes in front of it.
      for (; next <= shared; ++next) take(config.order[next].first, *config.order[next].second);
      shared = next;
    }
  }
  for (; next < config.order.size(); ++next) take(config.order[next].first, *config.order[next].second);
  return merged;
}

}  // namespace

json::Value Merge(const Schema& schema, const json::Value& live, const json::Value& config) {
  const Form before = FormOf(schema, live);
  const Form given = FormOf(schema, config);
  if (IsBlank(live) && IsBlank(config)) return config;
  if (before != Form::kLeaf && IsBlank(config)) return live;
  if (before != given || given == Form::kLeaf) return config;
  return given == Form::kMap ? MergeMaps(schema, live, config) : MergeLists(schema, live, config);
}

}  // namespace asya::model
