// ActorReconciler: makes one AsyncActor's queue, children and scaling what its spec asks for, and tells how it is.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reconcilers/actor_status.h"
#include "reconcilers/controller.h"
#include "reconcilers/events.h"
#include "reconcilers/objects.h"
#include "reconcilers/withdraw_credentials.h"
#include "reconcilers/world.h"

namespace asya::reconcilers {

// Thread safe for different keys.
class ActorReconciler {
 public:
  // `withdraw` has a Transport's credentials in a namespace looked at soon, the key of both.
  ActorReconciler(const World& world, const ReconcilerSettings& settings, const observe::Logger& log,
                  CredentialsReconciler& credentials, std::function<void(const Key&)> withdraw)
      : world_(world),
        settings_(settings),
        log_(log),
        credentials_(credentials),
        withdraw_(std::move(withdraw)),
        objects_(world.store, world.clock),
        events_(world.store, world.clock) {}
  Outcome Reconcile(const Key& key);

 private:
  // What is gathered on the way; the status is written from it even when a step fails.
  struct Pass {
    ActorFacts facts;
    std::optional<Error> retry;                                  // a step that may succeed later
    std::vector<std::pair<std::string, ports::Drift>> repaired;  // children, as "Deployment echo"
    std::optional<ports::QueueStats> stats;                      // of the queue, where it was looked at before
    bool queue_was_gone = false;
    std::optional<Part> stays;  // why the actor is still on the transport that it is to leave
    std::shared_ptr<ports::QueueAdmin> admin;
    ports::ComposeInput input;
    ports::RenderedSet rendered;
  };

  Outcome Converge(const Stored& actor, const std::string& deletion_message);
  Outcome Finalize(const Stored& actor);
  // How an actor goes.
  struct Leaving {
    json::Value transport;
    std::shared_ptr<ports::QueueAdmin> admin;  // none: nothing is known of its queue
    bool force = false;
    bool namespace_goes = false;  // and with it what could work
  };
  // Leaves the Transport that the spec names, where the queue on the other one has gone.
  Status FollowMove(const Stored& actor, Leaving& leaving);
  Outcome TearDown(const Stored& actor, const Leaving& leaving);
  // nullopt when there is none any more, or it is left where it is.
  std::optional<Outcome> RemoveQueue(const Stored& actor, const Leaving& leaving);
  std::optional<Outcome> TryRemoveQueue(const Stored& actor, const Leaving& leaving, const ports::QueueSpec& queue);
  // What the broker of a queue that is to go has answered; null: it was well.
  void Heard(const Key& key, const Error* error);
  // Whether that broker has been silent for long enough, since it first was and as far as this process has seen.
  bool MayLeaveQueue(const Key& key, const Leaving& leaving);
  std::optional<Outcome> GiveWorkUp(const Stored& actor, const Leaving& leaving, const std::string& queue);
  Outcome TellTerminating(const Stored& actor, const std::string& message, const Outcome& outcome);

  bool ResolveNames(const json::Value& actor, Pass& pass);
  // Keeps the pass on the old transport while the old queue holds envelopes or replicas are left; without those once
  // it has been empty for a while. Removes it when there is neither.
  bool LeaveOldTransport(const Stored& actor, Pass& pass);
  // There is none under way; true.
  bool EndMove(const Key& key);
  // Of its Deployment, those that are ending among them; 0 where the pods belong to somebody else.
  Result<std::size_t> ReplicasLeft(const std::string& uid);
  // Whether the replicas on a queue to be left, which holds that many, are to stop.
  bool IsToStop(const Key& key, std::int64_t envelopes);
  bool ProvideCredentials(const std::string& namespace_, Pass& pass);
  bool Render(const std::string& uid, Pass& pass);
  bool EnsureQueue(const Key& key, Pass& pass);
  // Whether this process has made or found the queue before, with the Transport as it is now; it is remembered.
  bool HadQueue(const Key& key, const Pass& pass);
  void RememberQueue(const Key& key, const Pass& pass);
  void ForgetQueue(const Key& key);
  bool ApplyChildren(Pass& pass);
  void Prune(const std::string& uid, const Pass& pass);
  void HandToScaler(const Key& key, Pass& pass);
  [[nodiscard]] std::optional<ports::BoundCount> BoundTo(const json::Value& actor) const;
  void LookAtResult(const std::string& uid, Pass& pass);
  // An Event where the reason of readiness changed; `actor` as it was read.
  void TellChange(const json::Value& actor, const json::Value& status);
  // An Event for all children that somebody else had changed or deleted, and one for the queue.
  void TellRepairs(const json::Value& actor, const Pass& pass);
  ports::EventRecorder& Recorder() { return world_.events == nullptr ? events_ : *world_.events; }

  const World world_;
  const ReconcilerSettings& settings_;
  const observe::Logger log_;
  CredentialsReconciler& credentials_;
  const std::function<void(const Key&)> withdraw_;
  Objects objects_;
  Events events_;
  std::mutex mutex_;
  std::map<Key, std::string> queues_;       // of actors: name, and the Transport's spec
  std::map<Key, SteadyTime> silent_since_;  // brokers of actors that are to go
  // Of an actor that leaves a queue.
  struct Move {
    std::optional<SteadyTime> empty_since;
    std::chrono::seconds quiet{3};  // so long nothing may come until its replicas stop
    bool stopping = false;
  };
  std::map<Key, Move> moves_;
};

}  // namespace asya::reconcilers
