// ExternalScaler: what KEDA is answered, from the last look at each actor: how many replicas, whether there is work,
// and the moment at which work comes for an actor that has no replica.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/observe/metrics.h"
#include "scaling/scaled_object_ref.h"
#include "scaling/scaler.h"

namespace asya::scaling {

// Work that waits while there is no replica is told again after this: KEDA drops what it is told of a new ScaledObject
// before it has looked at it. Not more often, since each time costs KEDA a write; and once there is a replica only new
// work is told, from which KEDA counts its cooldown.
inline constexpr std::chrono::seconds kTellAgainAfter{5};
inline constexpr std::size_t kSubscribersMax = 20'000;  // streams of KEDA: one an actor and operator
inline constexpr const char* kMetricName = "replicas";
// KEDA asks for the target once only; so the value alone says it all: as many replicas.
inline constexpr std::int64_t kMetricTarget = 1;

// Thread safe; no call blocks. A queue that cannot be looked at leaves the last answer as it is.
class ExternalScaler {
 public:
  // `clock` and `metrics` live longer. `ready`: an error is the answer to every call.
  ExternalScaler(const Clock& clock, observe::Metrics& metrics, std::function<Status()> ready);

  // From here on KEDA may ask for the actor. Idempotent.
  void Add(const ActorKey& actor);
  // Ends its streams. Idempotent.
  void Remove(const ActorKey& actor);
  // All actors that there are have been added: who is missing now is not known to anybody.
  void Complete();
  // A look at an actor, of whichever scaler; one that was not added is left out.
  void Look(const Seen& seen);

  // Errors of both: those of ActorOf; kNotFound: no such actor is scaled here; kUnavailable: nothing is known of
  // it yet. Whether envelopes wait or are in work.
  Result<bool> IsActive(const ScaledObjectRef& ref);
  // The replicas that it should have. kInvalid also for a metric that is not kMetricName.
  Result<std::int64_t> Replicas(const ScaledObjectRef& ref, const std::string& metric);

  struct Subscriber {
    std::function<void()> on_active;  // now there is work, or still and no replica; any thread, must not block
    std::function<void()> on_gone;    // the actor is scaled here no more; nothing is told after that
  };
  // Told at once if there is work already. Ends when the returned object is destroyed; a call under way may come after
  // that. kTooMany beyond kSubscribersMax.
  Result<std::shared_ptr<void>> Subscribe(const ScaledObjectRef& ref, Subscriber subscriber);
  // Ends all streams: those who listen come back to another server at once.
  void EndAll();

 private:
  struct Listening {
    Subscriber subscriber;
    bool told = false;  // of the work that there is now
    std::optional<SteadyTime> told_at;
  };
  using Listeners = std::list<std::shared_ptr<Listening>>;
  struct Actor {
    bool looked = false;
    bool active = false;
    std::int64_t present = 0;
    std::int64_t desired = 0;
    Listeners listeners;
  };

  [[nodiscard]] Result<Actor*> FindLocked(const ScaledObjectRef& ref);
  // Whether the one who listens is to be told now.
  bool IsNews(const Actor& actor, Listening& listening);  // locked
  void Unsubscribe(const ActorKey& key, const std::shared_ptr<Listening>& listening);

  const Clock& clock_;
  const std::function<Status()> ready_;
  const observe::Counter first_;
  const observe::Counter again_;
  const observe::Gauge streams_;
  const observe::Counter refused_;
  std::mutex mutex_;
  bool complete_ = false;
  std::size_t subscribers_ = 0;
  std::map<ActorKey, Actor> actors_;
};

}  // namespace asya::scaling
