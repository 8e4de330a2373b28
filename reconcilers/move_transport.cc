// An actor that is to move to another transport: its old queue drains first, then goes.
#include "model/kinds.h"
#include "reconcilers/actor_reconciler.h"
#include "reconcilers/own_queue.h"
#include "reconcilers/resolve.h"

namespace asya::reconcilers {

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
  // Two names of one broker share their queues.
  if (from == to || admin == nullptr || admin == pass.admin) return true;
  const ports::QueueSpec queue{model::ActorQueueName(actor.object), actor.record.uid};
  const auto own = LookAtQueue(*admin, queue);
  if (!own.ok()) return waits(own.error());
  if (!own->exists) return true;
  std::int64_t left = own->envelopes;
  if (left == 0) {
    const auto removed = admin->Remove(queue.name, false);
    if (removed.ok()) {
      ForgetQueue(Key{actor.record.key.namespace_, actor.record.key.name});
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
  if (left > 0) {
    pass.stays = Part{Truth::kFalse, "OldQueueNotEmpty",
                      EnvelopeCount(left) + " still in the queue on transport " + from + "; the actor moves to " + to +
                          " when they are done"};
    return true;
  }
  // A broker may keep a queue that is consumed from, and replicas that stand idle would consume for ever.
  pass.input.actor["spec"]["paused"] = true;
  pass.stays = Part{Truth::kFalse, "OldQueueInUse",
                    "waits for the replicas to let go of the old queue on transport " + from + "; the actor moves to " +
                        to + " then"};
  return true;
}

}  // namespace asya::reconcilers
