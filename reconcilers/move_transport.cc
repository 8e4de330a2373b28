// An actor that is to move to another transport: its old queue drains first, then goes.
#include <algorithm>
#include <utility>

#include "model/kinds.h"
#include "reconcilers/actor_reconciler.h"
#include "reconcilers/own_queue.h"
#include "reconcilers/resolve.h"

namespace asya::reconcilers {
namespace {

constexpr std::chrono::seconds kLongestQuiet{600};

}  // namespace

bool ActorReconciler::LeaveOldTransport(const Stored& actor, Pass& pass) {
  auto old = CurrentTransport(objects_, actor.object, settings_.default_transport);
  const auto waits = [&pass](const Error& error) {
    pass.facts.sync = Part{Truth::kUnknown, "BrokerUnavailable", "the transport to leave: " + error.message};
    pass.retry = error;
    return false;
  };
  if (!old.ok()) return waits(old.error());
  const std::string from = NameOf(*old);
  const std::string to = NameOf(pass.input.transport);
  auto admin = world_.queues.For(*old);
  const Key key{actor.record.key.namespace_, actor.record.key.name};
  // Two names of one broker share their queues.
  if (from == to || admin == nullptr || admin == pass.admin) return EndMove(key);
  const ports::QueueSpec queue{model::ActorQueueName(actor.object), actor.record.uid};
  const auto own = LookAtQueue(*admin, queue);
  if (!own.ok()) return waits(own.error());
  if (!own->exists) return EndMove(key);
  const auto running = ReplicasLeft(actor.record.uid);
  if (!running.ok()) return waits(running.error());
  std::int64_t left = own->envelopes;
  // Not every broker knows what replicas have in work.
  if (left == 0 && *running == 0) {
    const auto removed = admin->Remove(queue.name, false);
    if (removed.ok()) {
      ForgetQueue(key);
      return true;
    }
    if (removed.error().code != ErrorCode::kConflict) return waits(removed.error());
    const auto again = LookAtQueue(*admin, queue);  // one may have come in the meantime
    if (!again.ok()) return waits(again.error());
    left = again->envelopes;
  }
  pass.input.transport = std::move(*old);
  pass.admin = std::move(admin);
  pass.facts.transport = from;
  const std::string then = " on transport " + from + "; the actor moves to " + to;
  const bool stops = IsToStop(key, left);
  if (stops) pass.input.actor["spec"]["paused"] = true;
  if (left > 0) {
    pass.stays = Part{Truth::kFalse, "OldQueueNotEmpty",
                      EnvelopeCount(left) + " still in the queue" + then + " when they are done"};
  } else if (stops) {
    pass.stays =
        Part{Truth::kFalse, "OldQueueInUse", "waits for the replicas to let go of the old queue" + then + " then"};
  } else {
    pass.stays = Part{Truth::kFalse, "OldQueueInUse",
                      "waits until nothing has come for some seconds to the old queue" + then + " then"};
  }
  return true;
}

bool ActorReconciler::EndMove(const Key& key) {
  const std::lock_guard lock(mutex_);
  moves_.erase(key);
  return true;
}

Result<std::size_t> ActorReconciler::ReplicasLeft(const std::string& uid) {
  ASYA_TRY(const auto children, world_.cluster.Observe(uid));
  for (const auto& child : children) {
    if (child.ref.kind != "Deployment") continue;
    ASYA_TRY(const auto replicas, world_.cluster.Replicas(child.ref));
    return replicas.size();
  }
  return std::size_t{0};
}

// Where a little comes again and again, replicas that were stopped in vain stand longer the next time: to stop and
// start them for each gap would cost more than to wait for a longer one.
bool ActorReconciler::IsToStop(const Key& key, std::int64_t envelopes) {
  const SteadyTime now = world_.clock.Steady();
  const std::lock_guard lock(mutex_);
  Move& move = moves_[key];
  if (envelopes > 0) {
    if (std::exchange(move.stopping, false)) move.quiet = std::min(move.quiet * 2, kLongestQuiet);
    move.empty_since.reset();
    return false;
  }
  if (!move.empty_since) move.empty_since = now;
  if (now - *move.empty_since >= move.quiet) move.stopping = true;
  return move.stopping;
}

}  // namespace asya::reconcilers
