#include <string>

#include "model/kinds.h"
#include "reconcilers/actor_reconciler.h"
#include "reconcilers/own_queue.h"
#include "reconcilers/resolve.h"

namespace asya::reconcilers {
namespace {

// Between two looks at a queue or a workload that has to become empty; the workload also tells by itself.
constexpr std::chrono::milliseconds kDeletionPoll{1000};

bool IsForced(const json::Value& object) {
  const json::Value* annotations = object.FindPath({"metadata", "annotations"});
  return annotations != nullptr && annotations->GetString(kForceDelete) == "true";
}

}  // namespace

// Stop intake -> drain -> scaler -> workload -> queue; each call does the first of them that is still to do.
Outcome ActorReconciler::Finalize(const Stored& actor) {
  const bool force = IsForced(actor.object);
  const auto transport = CurrentTransport(objects_, actor.object, settings_.default_transport);
  if (!transport.ok() && transport.error().code != ErrorCode::kNotFound) return Failed{transport.error()};
  const auto admin = transport.ok() ? world_.queues.For(*transport) : nullptr;
  if (admin != nullptr && !force) {
    const ports::QueueSpec queue{model::ActorQueueName(actor.object), actor.record.uid};
    const auto own = LookAtQueue(*admin, queue);
    if (!own.ok()) {
      return TellTerminating(actor, "the broker cannot be asked: " + own.error().message, Failed{own.error()});
    }
    if (own->envelopes > 0) {
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
  return TearDown(actor, admin.get(), force);
}

Outcome ActorReconciler::TearDown(const Stored& actor, ports::QueueAdmin* admin, bool force) {
  const auto& key = actor.record.key;
  world_.scaler.Remove(key.namespace_, key.name);
  const auto children = world_.cluster.Observe(actor.record.uid);
  if (!children.ok()) return Failed{children.error()};
  if (!children->empty()) {
    for (const auto& child : *children) {
      if (IsBeingDeleted(child.object)) continue;
      const auto deleted = world_.cluster.Delete(child.ref, actor.record.uid);
      if (!deleted.ok()) return Failed{deleted.error()};
    }
    return TellTerminating(actor, "waits for the replicas to finish their work and leave", RequeueAfter{kDeletionPoll});
  }
  if (admin != nullptr) {
    const ports::QueueSpec queue{model::ActorQueueName(actor.object), actor.record.uid};
    const auto own = LookAtQueue(*admin, queue);
    if (!own.ok()) return Failed{own.error()};
    if (own->exists) {
      const auto removed = admin->Remove(queue.name, force);
      // kConflict: an envelope came in the meantime; the next pass starts from the drain.
      if (!removed.ok()) return Failed{removed.error()};
    }
  }
  const json::Value* status = actor.object.Find("status");
  const std::string transport = status == nullptr ? "" : status->GetString("transport").value_or("");
  const Status left = credentials_.Leave(actor, transport,
                                         [&] { return objects_.RemoveFinalizer(actor, kFinalizer); });
  if (left.ok()) return Settled{};
  if (left.error().code != ErrorCode::kForbidden) return Failed{left.error()};
  // It is gone; the copy goes when the right is there.
  withdraw_(Key{key.namespace_, transport});
  return Settled{};
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
