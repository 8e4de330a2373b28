#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/kinds.h"
#include "ports/resource.h"
#include "reconcilers/actor_reconciler.h"
#include "reconcilers/own_queue.h"
#include "reconcilers/resolve.h"

namespace asya::reconcilers {
namespace {

// Between two looks at a queue or a workload that has to become empty; the workload also tells by itself.
constexpr std::chrono::milliseconds kDeletionPoll{1000};

// How long after its deletion an actor in a namespace that is deleted waits for what cannot be taken out of its queue,
// and how long for a broker that does not answer.
constexpr std::chrono::minutes kLastPatience{10};

// How long one that is to go by force waits for a broker that does not answer.
constexpr std::chrono::seconds kForcedPatience{30};

// Not those by which it refuses something.
bool IsSilence(ErrorCode code) {
  return code == ErrorCode::kUnavailable || code == ErrorCode::kTimeout || code == ErrorCode::kClosed ||
         code == ErrorCode::kUnauthorized || code == ErrorCode::kForbidden;
}

std::string FinalizersOf(const json::Value& object) {
  std::string text;
  const json::Value* finalizers = object.FindPath({"metadata", "finalizers"});
  if (finalizers == nullptr || !finalizers->IsArray()) return text;
  for (const json::Value& one : finalizers->AsArray()) {
    if (one.IsString()) text += (text.empty() ? "" : ", ") + one.AsString();
  }
  return text;
}

// Of children that are to go, for a person.
std::string WhatRemains(const std::vector<ports::Observed>& children) {
  std::string replicas;
  std::string held;
  std::string others;
  for (const ports::Observed& child : children) {
    const std::string name = child.ref.kind + " " + child.ref.name;
    const std::string finalizers = FinalizersOf(child.object);
    if (child.ref.kind == "Deployment") {
      replicas = "waits for the replicas to finish their work and leave";
    } else if (!finalizers.empty()) {
      const char* who = child.ref.kind == "ScaledObject" ? ", which KEDA does while its operator runs" : "";
      held += (held.empty() ? "" : "; ") + ("waits for " + name) + " to go: whoever put its finalizer " + finalizers +
              " there has to take it off" + who;
    } else {
      others += (others.empty() ? "waits for " : ", ") + name;
    }
  }
  // Those go at once, and are worth a word only where nothing else remains.
  if (replicas.empty() && held.empty()) return others + " to go";
  return replicas + (replicas.empty() || held.empty() ? "" : "; ") + held;
}

// Since its deletion.
bool HasWaited(const json::Value& actor, WallTime now, std::chrono::seconds patience) {
  const auto since = ParseRfc3339(ports::MetadataOf(actor, "deletionTimestamp"));
  return since && now - *since >= patience;
}

std::string BrokerIsAway(const Error& error, bool namespace_goes) {
  return "the broker cannot be asked: " + error.message + "; the actor goes, and its queue stays there, " +
         (namespace_goes ? "after ten minutes of this, or soon " : "") + "with the annotation " + kForceDelete +
         ": \"true\"";
}

bool IsForced(const json::Value& object) { return ports::AnnotationOf(object, kForceDelete) == "true"; }

}  // namespace

// Stop intake -> drain -> scaler -> workload -> queue; each call does the first of them that is still to do.
Outcome ActorReconciler::Finalize(const Stored& actor) {
  Leaving leaving;
  leaving.force = IsForced(actor.object);
  auto transport = CurrentTransport(objects_, actor.object, settings_.default_transport);
  if (!transport.ok() && transport.error().code != ErrorCode::kNotFound) return Failed{transport.error()};
  if (transport.ok()) {
    leaving.transport = std::move(*transport);
    leaving.admin = world_.queues.For(leaving.transport);
  }
  if (const Status followed = FollowMove(actor, leaving); !followed.ok()) return Failed{followed.error()};
  if (leaving.admin != nullptr && !leaving.force) {
    const ports::QueueSpec queue{model::ActorQueueName(actor.object), actor.record.uid};
    const Key key{actor.record.key.namespace_, actor.record.key.name};
    const auto own = LookAtQueue(*leaving.admin, queue);
    Heard(key, own.ok() ? nullptr : &own.error());
    if ((!own.ok() || own->envelopes > 0) && world_.namespace_state) {
      const auto state = world_.namespace_state(actor.record.key.namespace_);
      if (!state.ok()) return Failed{state.error()};
      leaving.namespace_goes = *state != ports::NamespaceState::kActive;
    }
    if (!own.ok() && !MayLeaveQueue(key, leaving)) {
      return TellTerminating(actor, BrokerIsAway(own.error(), leaving.namespace_goes), Failed{own.error()});
    }
    if (own.ok() && own->envelopes > 0 && !leaving.namespace_goes) {
      // The workload goes on until the queue is empty.
      const Outcome outcome = Converge(
          actor, EnvelopeCount(own->envelopes) +
                     " still in the queue; the actor goes when they are done, or at once, and they with it, with the "
                     "annotation " +
                     kForceDelete + ": \"true\"");
      if (std::holds_alternative<Failed>(outcome)) return outcome;
      return RequeueAfter{kDeletionPoll};
    }
  }
  return TearDown(actor, leaving);
}

// A move ends with the old queue gone and the new one made; the deletion may have come before its status was written.
Status ActorReconciler::FollowMove(const Stored& actor, Leaving& leaving) {
  auto next = ResolveTransport(objects_, actor.object, settings_.default_transport);
  if (!next.ok()) return next.error().code == ErrorCode::kNotFound ? Ok() : Status(next.error());
  if (NameOf(*next) == NameOf(leaving.transport)) return Ok();
  auto admin = world_.queues.For(*next);
  if (admin == nullptr || admin == leaving.admin) return Ok();
  if (leaving.admin != nullptr) {
    const auto old = LookAtQueue(*leaving.admin, {model::ActorQueueName(actor.object), actor.record.uid});
    if (!old.ok() || old->exists) return Ok();
  }
  leaving.transport = std::move(*next);
  leaving.admin = std::move(admin);
  return Ok();
}

Outcome ActorReconciler::TearDown(const Stored& actor, const Leaving& leaving) {
  const auto& key = actor.record.key;
  world_.scaler.Remove(key.namespace_, key.name);
  auto children = world_.cluster.Observe(actor.record.uid);
  if (!children.ok()) return Failed{children.error()};
  if (!children->empty()) {
    // Not waited for: KEDA may have gone, and the pods must not stay for that.
    std::ranges::stable_partition(*children, [](const auto& child) { return child.ref.kind == "ScaledObject"; });
    for (const auto& child : *children) {
      if (IsBeingDeleted(child.object)) continue;
      const auto deleted = world_.cluster.Delete(child.ref, actor.record.uid);
      if (!deleted.ok()) return Failed{deleted.error()};
    }
    return TellTerminating(actor, WhatRemains(*children), RequeueAfter{kDeletionPoll});
  }
  if (const auto outcome = RemoveQueue(actor, leaving)) return *outcome;
  const std::string transport = StatusTransport(actor.object);
  const Status left = credentials_.Leave(actor, transport, [&] { return objects_.RemoveFinalizer(actor, kFinalizer); });
  const std::string next = NameOf(leaving.transport);
  if (left.ok() && !next.empty() && next != transport) withdraw_(Key{key.namespace_, next});
  if (left.ok()) return Settled{};
  if (left.error().code != ErrorCode::kForbidden) return Failed{left.error()};
  // It is gone; the copy goes when the right is there.
  withdraw_(Key{key.namespace_, transport});
  return Settled{};
}

std::optional<Outcome> ActorReconciler::RemoveQueue(const Stored& actor, const Leaving& leaving) {
  if (leaving.admin == nullptr) return std::nullopt;
  const ports::QueueSpec queue{model::ActorQueueName(actor.object), actor.record.uid};
  auto outcome = TryRemoveQueue(actor, leaving, queue);
  const Failed* failed = outcome ? std::get_if<Failed>(&*outcome) : nullptr;
  const Key key{actor.record.key.namespace_, actor.record.key.name};
  if (failed == nullptr || !MayLeaveQueue(key, leaving)) return outcome;
  const std::string transport = NameOf(leaving.transport);
  log_.Warning("a queue was left on a Transport that cannot be asked", {{"namespace", actor.record.key.namespace_},
                                                                        {"actor", actor.record.key.name},
                                                                        {"queue", queue.name},
                                                                        {"transport", transport},
                                                                        {"error", failed->error.message}});
  Recorder().Tell(actor.object, true, "QueueLeft",
                  "queue " + queue.name + " was left on Transport " + transport + ": " + failed->error.message);
  ForgetQueue(key);
  return std::nullopt;
}

void ActorReconciler::Heard(const Key& key, const Error* error) {
  const std::lock_guard lock(mutex_);
  if (error == nullptr || !IsSilence(error->code)) {
    silent_since_.erase(key);
  } else {
    silent_since_.try_emplace(key, world_.clock.Steady());
  }
}

bool ActorReconciler::MayLeaveQueue(const Key& key, const Leaving& leaving) {
  if (!leaving.force && !leaving.namespace_goes) return false;
  const std::lock_guard lock(mutex_);
  const auto since = silent_since_.find(key);
  const std::chrono::seconds patience = leaving.force ? kForcedPatience : kLastPatience;
  return since != silent_since_.end() && world_.clock.Steady() - since->second >= patience;
}

std::optional<Outcome> ActorReconciler::TryRemoveQueue(const Stored& actor, const Leaving& leaving,
                                                       const ports::QueueSpec& queue) {
  const Key key{actor.record.key.namespace_, actor.record.key.name};
  const auto own = LookAtQueue(*leaving.admin, queue);
  Heard(key, own.ok() ? nullptr : &own.error());
  if (!own.ok() && leaving.force && !MayLeaveQueue(key, leaving)) {
    return TellTerminating(actor, "the broker cannot be asked: " + own.error().message, Failed{own.error()});
  }
  if (!own.ok()) return Failed{own.error()};
  if (!own->exists) return std::nullopt;
  if (leaving.namespace_goes) return GiveWorkUp(actor, leaving, queue.name);
  const auto removed = leaving.admin->Remove(queue.name, leaving.force);
  // kConflict: an envelope came in the meantime; the next pass starts from the drain.
  if (!removed.ok()) return Failed{removed.error()};
  ForgetQueue(Key{actor.record.key.namespace_, actor.record.key.name});
  return std::nullopt;
}

// A queue with work must not hold a namespace for ever: the cluster takes the pods away and makes no others.
std::optional<Outcome> ActorReconciler::GiveWorkUp(const Stored& actor, const Leaving& leaving,
                                                   const std::string& queue) {
  const auto& key = actor.record.key;
  if (world_.dead_letters != nullptr) {
    const auto moved =
        world_.dead_letters->Take({leaving.transport, queue, key.namespace_, model::ActorIdentity(actor.object),
                                   "namespace " + key.namespace_ + " was deleted before it was worked on"});
    if (!moved.ok()) {
      return TellTerminating(actor, "its work cannot be put into the dead letters: " + moved.error().message,
                             Failed{moved.error()});
    }
    if (*moved > 0) {
      log_.Info("work of a namespace that is deleted is in the dead letters",
                {{"namespace", key.namespace_}, {"actor", key.name}, {"envelopes", *moved}});
    }
    const auto removed = leaving.admin->Remove(queue, false);
    if (removed.ok()) return std::nullopt;
    if (removed.error().code != ErrorCode::kConflict) return Failed{removed.error()};
    // A pod that has died without a word may hold some for a while, and others wait for their next attempt.
    if (!HasWaited(actor.object, world_.clock.Now(), kLastPatience)) {
      return TellTerminating(actor, "waits for envelopes that are in flight, or wait for their next attempt",
                             RequeueAfter{kDeletionPoll});
    }
  }
  const auto left = leaving.admin->Stats(queue);
  if (!left.ok() && left.error().code != ErrorCode::kNotFound) return Failed{left.error()};
  const auto removed = leaving.admin->Remove(queue, true);
  if (!removed.ok()) return Failed{removed.error()};
  log_.Warning("work is lost with the queue of a namespace that is deleted",
               {{"namespace", key.namespace_},
                {"actor", key.name},
                {"envelopes", left.ok() ? left->visible + left->delayed + left->in_flight : 0}});
  return std::nullopt;
}

Outcome ActorReconciler::TellTerminating(const Stored& actor, const std::string& message, const Outcome& outcome) {
  const json::Value* before = actor.object.Find("status");
  json::Value status = before == nullptr ? json::Value(json::Object{}) : *before;
  const json::Value* generation = actor.object.FindPath({"metadata", "generation"});
  const std::int64_t number = generation != nullptr && generation->IsInt() ? generation->AsInt() : 0;
  Conditions conditions(before, number, world_.clock.Now());
  conditions.Add(Condition{"Ready", Truth::kFalse, "Terminating", message});
  json::Array list = conditions.Take();
  const json::Value* old = before == nullptr ? nullptr : before->Find("conditions");
  if (old != nullptr && old->IsArray()) {
    for (const auto& condition : old->AsArray()) {
      if (condition.GetString("type") != "Ready") list.push_back(condition);
    }
  }
  status["phase"] = "Terminating";
  status["conditions"] = std::move(list);
  const auto written = objects_.WriteStatus(actor, std::move(status));
  if (!written.ok()) return Failed{written.error()};
  return outcome;
}

}  // namespace asya::reconcilers
