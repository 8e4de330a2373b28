#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>
#include <utility>

#include "model/ownership/structure.h"
#include "model/ownership/test_object.h"

namespace asya::model {
namespace {

using rc::gen::arbitrary;

std::string Pick(std::initializer_list<const char*> choices) {
  return *rc::gen::elementOf(std::vector<std::string>(choices.begin(), choices.end()));
}
bool Maybe() { return *arbitrary<bool>(); }
std::int64_t Small() { return *rc::gen::inRange(0, 3); }

// Some of the names, in any order.
std::vector<std::string> Some(std::vector<std::string> names) {
  std::vector<std::string> chosen;
  while (!names.empty()) {
    const auto at = names.begin() + *rc::gen::inRange<std::ptrdiff_t>(0, static_cast<std::ptrdiff_t>(names.size()));
    if (Maybe()) chosen.push_back(*at);
    names.erase(at);
  }
  return chosen;
}

json::Array Environment() {
  json::Array list;
  for (const std::string& name : Some({"A", "B", "C"})) {
    json::Object item{{"name", name}};
    if (Maybe()) item["value"] = Pick({"1", "2"});
    if (Maybe()) item["note"] = Pick({"x", "y"});
    list.emplace_back(std::move(item));
  }
  return list;
}

json::Array Texts(const std::vector<std::string>& texts) { return {texts.begin(), texts.end()}; }

// A configuration over the whole schema, without maps and lists that are empty.
json::Value Config() {
  json::Object spec;
  const auto put = [&](const char* name, json::Value value) {
    if (!IsBlank(value) && Maybe()) spec[name] = std::move(value);
  };
  put("image", Pick({"i", "j"}));
  put("replicas", Small());
  json::Object scaling;
  if (Maybe()) scaling["min"] = Small();
  if (Maybe()) scaling["max"] = Small();
  put("scaling", std::move(scaling));
  put("env", Environment());
  put("tags", Texts(Some({"a", "b", "c", "d"})));
  put("args", Texts(Some({"x", "y"})));
  json::Object policies;
  for (const std::string& name : Some({"p", "q"})) policies[name] = json::Object{{"attempts", Small()}};
  put("policies", std::move(policies));
  json::Object extra;
  for (const std::string& name : Some({"e", "f"}))
    extra[name] = Maybe() ? json::Value(Small()) : json::Value(json::Object{{"deep", Small()}});
  put("extra", std::move(extra));
  json::Object config;
  if (!spec.empty()) config["spec"] = std::move(spec);
  if (Maybe()) config["metadata"] = json::Object{{"labels", json::Object{{Pick({"l", "m"}), Pick({"1", "2"})}}}};
  return config;
}

FieldSet Fields() { return FieldsOf(TestSchema(), Config()); }

std::vector<json::Value> Sorted(json::Value value) {
  json::Array array = value.AsArray();
  std::sort(array.begin(), array.end(), [](const auto& a, const auto& b) { return json::Dump(a) < json::Dump(b); });
  return array;
}

// The order of a merged list depends on its history.
json::Value WithoutOrder(json::Value object) {
  for (const char* list : {"env", "tags"}) {
    json::Value* spec = object.Find("spec");
    json::Value* found = spec == nullptr ? nullptr : spec->Find(list);
    if (found != nullptr) *found = Sorted(*found);
  }
  return object;
}

RC_GTEST_PROP(FieldSetLaws, UnionIntersectionAndDifferenceFitTogether, ()) {
  const FieldSet a = Fields();
  const FieldSet b = Fields();
  const FieldSet c = Fields();
  RC_ASSERT(Union(a, b) == Union(b, a));
  RC_ASSERT(Union(Union(a, b), c) == Union(a, Union(b, c)));
  RC_ASSERT(Union(a, a) == a);
  RC_ASSERT(Intersection(a, b) == Intersection(b, a));
  RC_ASSERT(Intersection(a, Union(b, c)) == Union(Intersection(a, b), Intersection(a, c)));
  RC_ASSERT(Difference(a, a).empty());
  RC_ASSERT(Union(Difference(a, b), Intersection(a, b)) == a);
  RC_ASSERT(Intersection(Difference(a, b), b).empty());
  RC_ASSERT(Difference(a, Union(b, c)) == Difference(Difference(a, b), c));
}

RC_GTEST_PROP(FieldSetLaws, TheEncodingIsReadAgain, ()) {
  const FieldSet set = Fields();
  const json::Value encoded = EncodeFieldSet(set);
  RC_ASSERT(DecodeFieldSet(encoded).value() == set);
  RC_ASSERT(DecodeFieldSet(json::Parse(json::Dump(encoded)).value()).value() == set);
  std::size_t paths = 0;
  ForEachPath(set, [&](const Path& path) {
    ++paths;
    RC_ASSERT(set.Has(path));
  });
  FieldSet again;
  ForEachPath(set, [&](const Path& path) { again.Insert(path); });
  RC_ASSERT(again == set);
}

RC_GTEST_PROP(StructureLaws, MergingAgainChangesNothing, ()) {
  const json::Value live = Config();
  const json::Value config = Config();
  const json::Value merged = Merge(TestSchema(), live, config);
  RC_ASSERT(Merge(TestSchema(), merged, config) == merged);
  RC_ASSERT(Merge(TestSchema(), config, config) == config);
  // Nothing of either is lost.
  const FieldSet missing = Difference(FieldsOf(TestSchema(), config), FieldsOf(TestSchema(), merged));
  RC_ASSERT(missing.empty());
}

RC_GTEST_PROP(StructureLaws, ComparingTellsAddedFromRemoved, ()) {
  const json::Value before = Config();
  const json::Value after = Config();
  const Comparison there = Compare(TestSchema(), before, after);
  const Comparison back = Compare(TestSchema(), after, before);
  RC_ASSERT(there.added == back.removed);
  RC_ASSERT(there.removed == back.added);
  RC_ASSERT(there.modified == back.modified);
  const Comparison same = Compare(TestSchema(), after, after);
  RC_ASSERT(same.added.empty() && same.removed.empty() && same.modified.empty());
}

RC_GTEST_PROP(ApplyLaws, ApplyingTwiceIsANoOp, ()) {
  LiveObject live;
  for (int i = 0; i < 4; ++i) {
    const std::string manager = Pick({"a", "b", "c"});
    if (Maybe()) {
      live.Update(manager, Config());
      continue;
    }
    const json::Value config = Config();
    live.Apply(manager, config, true);
    RC_ASSERT(Merge(TestSchema(), live.object, config) == live.object);
    const json::Value object = live.object;
    const json::Array managers = EncodeManagers(live.managers);
    live.now += std::chrono::seconds(1);
    RC_ASSERT(live.Apply(manager, config).empty());
    RC_ASSERT(!live.changed);
    RC_ASSERT(live.object == object);
    RC_ASSERT(EncodeManagers(live.managers) == managers);
  }
}

RC_GTEST_PROP(ApplyLaws, WhoGivesUpEverythingLeavesWhatOthersApplied, ()) {
  const json::Value first = Config();
  const json::Value second = Config();
  LiveObject live;
  live.Apply("a", first);
  live.Apply("b", second, true);
  live.Apply("a", json::Object{});
  RC_ASSERT(WithoutOrder(live.object) == WithoutOrder(second));
  live.Apply("b", json::Object{});
  RC_ASSERT(live.object == json::Value(json::Object{}));
  RC_ASSERT(live.managers.empty());
}

RC_GTEST_PROP(ApplyLaws, ConflictsAreWhatForceWouldTake, ()) {
  LiveObject live;
  live.Apply("a", Config());
  LiveObject forced = live;
  const json::Value config = Config();
  const std::vector<std::string> conflicts = live.Apply("b", config);
  forced.Apply("b", config, true);
  const FieldSet lost = Difference(live.FieldsOf("a", Operation::kApply), forced.FieldsOf("a", Operation::kApply));
  // More is lost where a scalar takes the place of a map: what was in that is gone.
  RC_ASSERT(conflicts.empty() == lost.empty());
  std::set<std::string> paths;
  ForEachPath(lost, [&](const Path& path) { paths.insert("a " + DescribePath(path)); });
  for (const std::string& conflict : conflicts) RC_ASSERT(paths.contains(conflict));
}

RC_GTEST_PROP(ApplyLaws, ManagersAreReadAgain, ()) {
  LiveObject live;
  for (int i = 0; i < 5; ++i) {
    if (Maybe()) {
      live.Update(Pick({"a", "b"}), Config());
    } else {
      live.Apply(Pick({"a", "b"}), Config(), true);
    }
    live.now += std::chrono::seconds(Small());
  }
  const json::Array entries = EncodeManagers(live.managers);
  RC_ASSERT(EncodeManagers(DecodeManagers(json::Value(entries)).value()) == entries);
}

}  // namespace
}  // namespace asya::model
