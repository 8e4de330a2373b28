#include <algorithm>
#include <utility>

#include "model/ownership/managers.h"
#include "model/ownership/structure.h"

namespace asya::model {
namespace {

constexpr std::size_t kUpdateManagersMax = 10;
constexpr const char* kAncient = "ancient-changes";
constexpr const char* kBeforeFirstApply = "before-first-apply";

// The part of the set that a write through the endpoint can touch.
FieldSet Writable(FieldSet set, const std::string& subresource) {
  const PathElement status = MemberElement("status");
  if (subresource.empty()) {
    set.children.erase(status);
    return set;
  }
  FieldSet reach;
  if (subresource == "status") {
    const auto found = set.children.find(status);
    if (found != set.children.end()) reach.children.insert(std::move(*found));
    return reach;
  }
  const Path replicas{MemberElement("spec"), MemberElement("replicas")};
  if (set.Has(replicas)) reach.Insert(replicas);
  return reach;
}

// What nobody owns, since only the server or the name of the object decides it.
FieldSet WithoutIdentity(const FieldSet& set) {
  static const FieldSet identity = [] {
    FieldSet paths;
    for (const char* member : {"apiVersion", "kind", "metadata"}) paths.Insert({MemberElement(member)});
    for (const char* member : {"name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation",
                               "managedFields", "resourceVersion"}) {
      paths.Insert({MemberElement("metadata"), MemberElement(member)});
    }
    return paths;
  }();
  return Difference(set, identity);
}

Manager Identity(const FieldWriter& writer, Operation operation) {
  return {writer.manager.empty() ? "unknown" : writer.manager, operation,
          operation == Operation::kUpdate ? writer.api_version : std::string(), writer.subresource};
}

// `before` or `after` may be null: no object.
Comparison CompareWritable(const Schema& schema, const json::Value& before, const json::Value& after,
                           const std::string& subresource) {
  const json::Value nothing = json::Object{};
  Comparison all = Compare(schema, before.IsNull() ? nothing : before, after.IsNull() ? nothing : after);
  return {Writable(std::move(all.added), subresource), Writable(std::move(all.removed), subresource),
          Writable(std::move(all.modified), subresource)};
}

// Managers of versions that are not served say nothing about the fields of this one.
void DropOtherVersions(const std::string& api_version, Managers& managers) {
  std::erase_if(managers, [&](const auto& manager) { return manager.second.api_version != api_version; });
}

void Withdraw(const FieldSet& fields, Owned& owned) { owned.fields = Difference(owned.fields, fields); }

void DropEmpty(Managers& managers) {
  std::erase_if(managers, [](const auto& manager) { return manager.second.fields.empty(); });
}

// Puts the oldest updates together, so that a changing user agent does not fill the object.
void CapUpdates(Managers& managers) {
  std::vector<std::pair<std::optional<WallTime>, Manager>> updates;
  for (const auto& [manager, owned] : managers) {
    if (manager.operation == Operation::kUpdate) updates.emplace_back(owned.time, manager);
  }
  if (updates.size() <= kUpdateManagersMax) return;
  std::sort(updates.begin(), updates.end());
  // One goes into the place that the merged ones get, hence one more.
  updates.resize(updates.size() - kUpdateManagersMax + 1);
  Owned merged;
  for (const auto& [time, manager] : updates) {
    const auto found = managers.find(manager);
    merged.fields = Union(merged.fields, found->second.fields);
    merged.api_version = found->second.api_version;
    merged.time = time;
    managers.erase(found);
  }
  const Manager ancient{kAncient, Operation::kUpdate, merged.api_version, {}};
  Owned& place = managers[ancient];
  merged.fields = Union(merged.fields, place.fields);
  place = std::move(merged);
}

// Takes out of `merged` what `last` named, `managers` do not own now, and was there because of `last` only.
json::Value Pruned(const Schema& schema, const json::Value& merged, const FieldSet& last, const Managers& managers) {
  const auto fields = [&](const json::Value& object) { return WithNamedFields(schema, FieldsOf(schema, object)); };
  const FieldSet before = fields(merged);
  const FieldSet named_last = WithNamedFields(schema, last);
  FieldSet owned;
  FieldSet kept = fields(WithoutFields(schema, merged, named_last, nullptr));
  for (const auto& [manager, one] : managers) {
    owned = Union(owned, one.fields);
    kept = Union(kept, WithNamedFields(schema, one.fields));
  }
  const FieldSet left = fields(WithoutFields(schema, merged, Difference(before, kept), nullptr));
  return WithoutFields(schema, merged, Intersection(Difference(before, left), named_last), &owned);
}

std::vector<FieldConflict> Conflicts(const Managers& managers, const Manager& self, const FieldSet& changed) {
  std::vector<FieldConflict> conflicts;
  for (const auto& [manager, owned] : managers) {
    if (manager == self) continue;
    ForEachPath(Intersection(owned.fields, changed), [&, &other = manager](const Path& path) {
      conflicts.push_back({other, path});
    });
  }
  return conflicts;
}

}  // namespace

void TrackUpdate(const Schema& schema, const json::Value& before, const json::Value& after, const FieldWriter& writer,
                 Managers& managers) {
  const Comparison comparison = CompareWritable(schema, before, after, writer.subresource);
  const FieldSet taken = Union(comparison.modified, comparison.added);
  DropOtherVersions(writer.api_version, managers);
  for (auto& [manager, owned] : managers) {
    Withdraw(taken, owned);
    Withdraw(comparison.removed, owned);
  }
  DropEmpty(managers);
  const FieldSet mine = WithoutIdentity(taken);
  if (!mine.empty()) {
    Owned& own = managers[Identity(writer, Operation::kUpdate)];
    own = {Union(own.fields, mine), writer.api_version, writer.now};
  }
  CapUpdates(managers);
}

ApplyResult Apply(const Schema& schema, const json::Value& live, const json::Value& config, const FieldWriter& writer,
                  bool force, Managers managers) {
  if (managers.empty() && !live.IsNull()) {
    FieldWriter earlier = writer;
    earlier.manager = kBeforeFirstApply;
    TrackUpdate(schema, json::Value(), live, earlier, managers);
  }
  DropOtherVersions(writer.api_version, managers);
  const Manager self = Identity(writer, Operation::kApply);
  Owned& own = managers[self];
  const FieldSet last = std::exchange(own.fields, Writable(FieldsOf(schema, config), writer.subresource));
  own.api_version = writer.api_version;
  ApplyResult result;
  result.object = live.IsNull() ? config : Merge(schema, live, config);
  if (!last.empty()) result.object = Pruned(schema, result.object, last, managers);

  const Comparison comparison = CompareWritable(schema, live, result.object, writer.subresource);
  const FieldSet changed = Union(comparison.modified, comparison.added);
  result.conflicts = Conflicts(managers, self, changed);
  if (!result.conflicts.empty() && !force) return {std::move(result.conflicts), {}, false, {}};
  result.conflicts.clear();
  for (auto& [manager, owned] : managers) {
    if (manager != self) Withdraw(changed, owned);
    if (manager != self) Withdraw(comparison.removed, owned);
  }
  own.fields = WithoutIdentity(own.fields);
  result.changed = result.object != live;
  if (result.changed) own.time = writer.now;
  DropEmpty(managers);
  result.managers = std::move(managers);
  return result;
}

}  // namespace asya::model
