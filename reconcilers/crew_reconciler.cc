#include "reconcilers/crew_reconciler.h"

#include <algorithm>
#include <utility>

#include "model/kinds.h"
#include "model/ownership/managers.h"
#include "model/ownership/structure.h"
#include "reconcilers/resolve.h"

namespace asya::reconcilers {
namespace {

// Between two looks at the queues of system actors that are to go when they are empty.
constexpr std::chrono::milliseconds kIdlePoll{2000};

constexpr const char* kManagedFields = "managedFields";

// Out of `live`. One that says nothing of us was made before we said what is ours, or by who forgot all managers: ours
// is what we would write. The transport is always ours, who set it or leave it out as its namespace has it: on another
// one an end of routes would hear of nothing.
model::Managers TakeManagers(const model::Schema& schema, const json::Value& desired, const model::FieldWriter& writer,
                             json::Value& live) {
  model::Managers managers;
  json::Object& metadata = live["metadata"].AsObject();
  if (const auto entries = metadata.find(kManagedFields); entries != metadata.end()) {
    if (auto decoded = model::DecodeManagers(entries->second); decoded.ok()) managers = std::move(*decoded);
    metadata.erase(entries);
  }
  model::FieldSet transport;
  transport.Insert({model::MemberElement("spec"), model::MemberElement("transport")});
  for (auto& [manager, owned] : managers) owned.fields = model::Difference(owned.fields, transport);
  model::Owned ours{model::FieldsOf(schema, desired), writer.api_version, std::nullopt};
  const model::Manager self{writer.manager, model::Operation::kApply, "", ""};
  model::Owned& known = managers.try_emplace(self, std::move(ours)).first->second;
  known.fields = model::Union(known.fields, transport);
  return managers;
}

}  // namespace

std::vector<json::Value> CrewOf(const ReconcilerSettings& settings, const std::string& namespace_,
                                const std::optional<std::string>& transport) {
  if (!settings.system_actors) return {};
  std::vector<json::Value> crew = settings.system_actors(namespace_);
  for (json::Value& actor : crew) {
    json::Value& spec = actor["spec"];
    // A route ends where it runs, so its end goes there too.
    if (transport && spec.Find("transport") == nullptr) spec["transport"] = *transport;
  }
  return crew;
}

json::Value Refreshed(const json::Value& stored, const json::Value& desired, WallTime now) {
  const model::Schema& schema = model::FindKind(kActors)->schema;
  const model::FieldWriter writer{kFieldManager, std::string(model::kApiVersion), "",
                                  std::chrono::floor<std::chrono::seconds>(now)};
  json::Value live = stored;
  model::Managers managers;
  if (!stored.IsNull()) managers = TakeManagers(schema, desired, writer, live);
  model::ApplyResult applied = model::Apply(schema, live, desired, writer, /*force=*/true, std::move(managers));
  json::Value& metadata = applied.object["metadata"];
  const json::Value* before = live.Find("spec");
  if (!stored.IsNull() && (before == nullptr || applied.object["spec"] != *before)) {
    json::Value& generation = metadata["generation"];
    generation = generation.IsInt() ? generation.AsInt() + 1 : 1;
  }
  metadata[kManagedFields] = model::EncodeManagers(applied.managers);
  return std::move(applied.object);
}

Outcome CrewReconciler::Reconcile(const Key& key) {
  // Reading all actors at each new one would cost their square.
  if (index_.HasUserActor(key.namespace_)) return Provide(key);
  // The index may be behind, and what follows takes something away: ask the store.
  auto actors = objects_.List(kActors, key.namespace_);
  if (!actors.ok()) return Failed{actors.error()};
  const auto is_user = [](const Stored& actor) { return !IsSystem(actor.object); };
  if (std::ranges::any_of(*actors, is_user)) return Provide(key);
  return Withdraw(*actors);
}

Outcome CrewReconciler::Provide(const Key& key) {
  bool leaving = false;
  for (const json::Value& desired : CrewOf(settings_, key.namespace_, index_.CommonTransport(key.namespace_))) {
    const auto stored = objects_.Get(kActors, key.namespace_, NameOf(desired));
    if (!stored.ok()) return Failed{stored.error()};
    if (!*stored && world_.namespace_state) {
      const auto state = world_.namespace_state(key.namespace_);
      if (!state.ok()) return Failed{state.error()};
      // Nothing begins in one that is going; its last actor brings this key again.
      if (*state == ports::NamespaceState::kTerminating) return Settled{};
    }
    const auto provided = ProvideOne(desired, *stored);
    if (!provided.ok()) return Failed{provided.error()};
    leaving = leaving || (*stored && IsSystem((*stored)->object) && IsBeingDeleted((*stored)->object));
  }
  if (leaving) return RequeueAfter{kIdlePoll};
  return Settled{};
}

Status CrewReconciler::ProvideOne(const json::Value& desired, const std::optional<Stored>& stored) {
  if (!stored) {
    const auto created = objects_.Create(kActors, Refreshed(json::Value(), desired, world_.clock.Now()));
    return created.ok() || created.error().code == ErrorCode::kExists ? Ok() : Status(created.error());
  }
  // A person's own actor of that name takes its place.
  if (!IsSystem(stored->object) || IsBeingDeleted(stored->object)) return Ok();
  const auto written = objects_.Write(*stored, Refreshed(stored->object, desired, world_.clock.Now()));
  return written.ok() ? Ok() : Status(written.error());
}

Outcome CrewReconciler::Withdraw(const std::vector<Stored>& system_actors) {
  // The last results still have to get through: all leave together, when none has work.
  for (const auto& actor : system_actors) {
    const auto idle = IsIdle(actor.object);
    if (!idle.ok()) return Failed{idle.error()};
    if (!*idle) return RequeueAfter{kIdlePoll};
  }
  for (const auto& actor : system_actors) {
    const auto deleted = objects_.Delete(actor);
    if (!deleted.ok()) return Failed{deleted.error()};
  }
  return Settled{};
}

Result<bool> CrewReconciler::IsIdle(const json::Value& actor) {
  const auto transport = CurrentTransport(objects_, actor, settings_.default_transport);
  if (!transport.ok()) {
    if (transport.error().code == ErrorCode::kNotFound) return true;
    return transport.error();
  }
  const auto admin = world_.queues.For(*transport);
  if (admin == nullptr) return true;
  const auto stats = admin->Stats(model::ActorQueueName(actor));
  if (!stats.ok()) {
    if (stats.error().code == ErrorCode::kNotFound) return true;
    return stats.error();
  }
  return stats->visible + stats->delayed + stats->in_flight == 0;
}

}  // namespace asya::reconcilers
