// Managers: who owns which fields of an object, as metadata.managedFields keeps it, and how writes move ownership.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/json/value.h"
#include "model/ownership/field_set.h"
#include "model/schema.h"

namespace asya::model {

enum class Operation { kApply, kUpdate };

// Who a manager is: one name that applies and updates is two managers, and so is one that also writes the status.
struct Manager {
  std::string name;
  Operation operation = Operation::kUpdate;
  std::string api_version;  // of an update; empty for an apply, whose next version replaces the last
  std::string subresource;  // "status", "scale" or empty
  friend auto operator<=>(const Manager&, const Manager&) = default;
};

struct Owned {
  FieldSet fields;
  std::string api_version;
  std::optional<WallTime> time;  // of the last change
};

using Managers = std::map<Manager, Owned>;

inline constexpr std::size_t kManagersLimit = 1'000;

// metadata.managedFields, in the order of Kubernetes: applies first, then by time, name, version and subresource.
json::Array EncodeManagers(const Managers& managers);
// kInvalid for anything that is no valid list of entries, or has more than the limit.
Result<Managers> DecodeManagers(const json::Value& entries);

// The write that is about to happen.
struct FieldWriter {
  std::string manager;
  std::string api_version;
  std::string subresource;  // the endpoint: it decides which fields the write can touch
  WallTime now{};
};

// Ownership after an update (create, replace or patch) from `before` to `after`, both without managedFields: the writer
// owns what it added or changed, others lose that and what is gone. `before` is null on a create.
void TrackUpdate(const Schema& schema, const json::Value& before, const json::Value& after, const FieldWriter& writer,
                 Managers& managers);

struct FieldConflict {
  Manager manager;
  Path path;
  friend bool operator==(const FieldConflict&, const FieldConflict&) = default;
};

struct ApplyResult {
  std::vector<FieldConflict> conflicts;  // not empty: nothing else is set
  json::Value object;
  bool changed = false;  // beyond ownership
  Managers managers;
};

// Applies `config` to `live` (null where there is no object yet), both without managedFields and what only the server
// writes: merges, takes away what the writer applied last time and nobody else owns, and moves ownership. Fields that
// others own and that would change are conflicts, unless `force`.
ApplyResult Apply(const Schema& schema, const json::Value& live, const json::Value& config, const FieldWriter& writer,
                  bool force, Managers managers);

}  // namespace asya::model
