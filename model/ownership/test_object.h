// LiveObject: an object that managers apply to and update in turn, as a server would keep it. For tests of this folder
// only.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "model/ownership/managers.h"
#include "model/ownership/test_schema.h"

namespace asya::model {

class LiveObject {
 public:
  // The paths that are in conflict, each with who owns it.
  std::vector<std::string> Apply(const std::string& manager, const json::Value& config, bool force = false) {
    model::ApplyResult result = model::Apply(TestSchema(), object, config, Writer(manager), force, managers);
    std::vector<std::string> conflicts;
    for (const FieldConflict& conflict : result.conflicts) {
      conflicts.push_back(conflict.manager.name + " " + DescribePath(conflict.path));
    }
    if (!conflicts.empty()) return conflicts;
    changed = result.changed;
    object = std::move(result.object);
    managers = std::move(result.managers);
    return {};
  }
  void Update(const std::string& manager, const json::Value& after) {
    if (!object.IsNull() && managers.empty()) {
      object = after;
      return;
    }
    TrackUpdate(TestSchema(), object, after, Writer(manager), managers);
    object = after;
  }
  [[nodiscard]] FieldSet FieldsOf(const std::string& manager, Operation operation) const {
    for (const auto& [one, owned] : managers) {
      if (one.name == manager && one.operation == operation && one.subresource == subresource) return owned.fields;
    }
    return {};
  }
  [[nodiscard]] std::string Applied(const std::string& manager) const {
    return json::Dump(EncodeFieldSet(FieldsOf(manager, Operation::kApply)));
  }
  [[nodiscard]] std::string Updated(const std::string& manager) const {
    return json::Dump(EncodeFieldSet(FieldsOf(manager, Operation::kUpdate)));
  }
  [[nodiscard]] std::string Text() const { return json::Dump(object); }

  json::Value object;
  Managers managers;
  bool changed = false;
  std::string subresource;
  std::string version = "asya.sh/v1alpha1";
  WallTime now{std::chrono::seconds(1'800'000'000)};

 private:
  [[nodiscard]] FieldWriter Writer(const std::string& manager) const { return {manager, version, subresource, now}; }
};

}  // namespace asya::model
