#include "reconcilers/small_reconcilers.h"

#include <set>

#include "model/kinds.h"
#include "reconcilers/conditions.h"
#include "reconcilers/resolve.h"

namespace asya::reconcilers {
namespace {

// Between two questions to a broker whether it is there.
constexpr std::chrono::milliseconds kBrokerPoll{30000};

// A status that has nothing but the generation and a condition Ready.
json::Value PlainStatus(const Stored& stored, const Condition& ready, WallTime now) {
  const json::Value* before = stored.object.Find("status");
  const json::Value* generation = stored.object.FindPath({"metadata", "generation"});
  const std::int64_t number = generation != nullptr && generation->IsInt() ? generation->AsInt() : 0;
  Conditions conditions(before, number, now);
  conditions.Add(ready);
  json::Value status;
  status["observedGeneration"] = number;
  status["conditions"] = conditions.Take();
  return status;
}

std::vector<std::string> ActorsOf(const json::Value& flow) {
  std::vector<std::string> names;
  const json::Value* spec = flow.Find("spec");
  if (spec == nullptr) return names;
  if (const auto entrypoint = spec->GetString("entrypoint")) names.push_back(*entrypoint);
  const json::Value* next = spec->Find("routeNext");
  if (next != nullptr && next->IsArray()) {
    for (const auto& name : next->AsArray()) {
      if (name.IsString()) names.push_back(name.AsString());
    }
  }
  return names;
}

Outcome From(const Status& status) {
  if (!status.ok()) return Failed{status.error()};
  return Settled{};
}

}  // namespace

Outcome FlowReconciler::Reconcile(const Key& key) {
  if (!key.name.empty()) {
    const auto flow = objects_.Get(kFlows, key.namespace_, key.name);
    if (!flow.ok()) return Failed{flow.error()};
    return *flow ? From(TellOne(**flow)) : Outcome(Settled{});
  }
  const auto flows = objects_.List(kFlows, key.namespace_);
  if (!flows.ok()) return Failed{flows.error()};
  for (const auto& flow : *flows) {
    const auto told = TellOne(flow);
    if (!told.ok()) return Failed{told.error()};
  }
  return Settled{};
}

Result<std::string> FlowReconciler::Missing(const std::string& namespace_, const std::vector<std::string>& names) {
  std::set<std::string> unknown;
  for (const auto& name : names) {
    if (!index_.HasIdentity(namespace_, name)) unknown.insert(name);
  }
  if (unknown.empty()) return std::string();
  // The index may be behind: what is told to be missing was looked for in the store.
  ASYA_TRY(const auto actors, objects_.List(kActors, namespace_));
  for (const auto& actor : actors) unknown.erase(model::ActorIdentity(actor.object));
  std::string missing;
  for (const auto& name : names) {
    if (unknown.contains(name)) missing += (missing.empty() ? "" : ", ") + name;
  }
  return missing;
}

Status FlowReconciler::TellOne(const Stored& flow) {
  if (IsBeingDeleted(flow.object)) return Ok();
  ASYA_TRY(const std::string missing, Missing(flow.record.key.namespace_, ActorsOf(flow.object)));
  const Condition ready = missing.empty()
                              ? Condition{"Ready", Truth::kTrue, "AllActorsExist", ""}
                              : Condition{"Ready", Truth::kFalse, "ActorMissing", "there is no actor " + missing};
  const auto written = objects_.WriteStatus(flow, PlainStatus(flow, ready, world_.clock.Now()));
  return written.ok() ? Ok() : Status(written.error());
}

Outcome TransportReconciler::Reconcile(const Key& key) {
  const auto transport = objects_.Get(kTransports, "", key.name);
  if (!transport.ok()) return Failed{transport.error()};
  if (!*transport) {
    world_.queues.Forget(key.name);
    return Settled{};
  }
  if (IsBeingDeleted((*transport)->object)) return Settled{};
  // Which keeps its Secrets looked at; what is wrong with them is told by List and by the actors.
  if (world_.credentials != nullptr) static_cast<void>(world_.credentials->ForServer((*transport)->object).ok());
  const auto admin = world_.queues.For((*transport)->object);
  Condition ready{"Ready", Truth::kTrue, "Reachable", ""};
  if (admin == nullptr) {
    ready = Condition{"Ready", Truth::kFalse, "TypeNotSupported", "this server does not serve transports of this type"};
  } else if (const auto queues = admin->List(); !queues.ok()) {
    const ErrorCode code = queues.error().code;
    const char* reason = code == ErrorCode::kNotFound    ? "SecretMissing"
                         : code == ErrorCode::kForbidden ? "SecretForbidden"
                                                         : "Unreachable";
    ready = Condition{"Ready", Truth::kFalse, reason, queues.error().message};
  }
  json::Value status = PlainStatus(**transport, ready, world_.clock.Now());
  status["reachable"] = ready.truth == Truth::kTrue;
  const auto written = objects_.WriteStatus(**transport, std::move(status));
  if (!written.ok()) return Failed{written.error()};
  if (admin == nullptr) return Settled{};
  return RequeueAfter{kBrokerPoll};
}

Outcome FlavorReconciler::Reconcile(const Key& key) {
  const auto flavor = objects_.Get(kFlavors, "", key.name);
  if (!flavor.ok()) return Failed{flavor.error()};
  if (!*flavor || IsBeingDeleted((*flavor)->object)) return Settled{};
  const Condition ready{"Ready", Truth::kTrue, "Accepted", ""};
  const auto written = objects_.WriteStatus(**flavor, PlainStatus(**flavor, ready, world_.clock.Now()));
  if (!written.ok()) return Failed{written.error()};
  return Settled{};
}

Outcome DepthReconciler::Reconcile(const Key& key) {
  const auto actor = objects_.Get(kActors, key.namespace_, key.name);
  if (!actor.ok()) return Failed{actor.error()};
  if (!*actor) return Settled{};
  const json::Value* queue = (*actor)->object.FindPath({"status", "infrastructure", "queue"});
  if (queue == nullptr || queue->GetBool("ready") != true) return Settled{};  // the actor's own reconciler comes first
  const auto transport = CurrentTransport(objects_, (*actor)->object, settings_.default_transport);
  if (!transport.ok()) {
    if (transport.error().code == ErrorCode::kNotFound) return Settled{};
    return Failed{transport.error()};
  }
  const auto admin = world_.queues.For(*transport);
  if (admin == nullptr) return Settled{};
  const auto stats = admin->Stats(model::ActorQueueName((*actor)->object));
  if (!stats.ok()) return Failed{stats.error()};
  json::Value status = *(*actor)->object.Find("status");
  status["infrastructure"]["queue"]["waiting"] = stats->visible + stats->delayed;
  const auto written = objects_.WriteStatus(**actor, std::move(status));
  if (!written.ok() && written.error().code != ErrorCode::kConflict) return Failed{written.error()};
  const bool moves = stats->visible + stats->delayed + stats->in_flight > 0;
  if (moves || !written.ok()) return RequeueAfter{settings_.depth_pause};
  return Settled{};
}

}  // namespace asya::reconcilers
