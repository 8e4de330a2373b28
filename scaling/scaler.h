// ReplicaScaler: the loop that keeps each known actor at the replicas that DesiredReplicas asks for.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/observe/metrics.h"
#include "ports/cluster.h"
#include "ports/decisions.h"
#include "ports/queue_admin.h"
#include "ports/scaler.h"
#include "scaling/decision_ring.h"
#include "scaling/desired_replicas.h"
#include "scaling/rates.h"

namespace asya::scaling {

struct ScalerSettings {
  std::chrono::milliseconds tick{1000};     // between two looks at an actor that works
  std::chrono::milliseconds hint_gap{100};  // hints of one queue that come closer than this share a look
  std::chrono::milliseconds retry{1000};    // after a queue or the cluster did not answer
  // Looks at actors at rest, for brokers whose hints can be lost.
  std::chrono::milliseconds idle_poll{30000};
  // The same while an actor has no replica: shorter where nobody hints, since only this finds its first envelope.
  std::chrono::milliseconds zero_poll{30000};
  // Among few actors it is shorter, down to this: 200 looks a second for all of them together.
  std::chrono::milliseconds zero_poll_least{30000};
  // Off where a replica may work though the cluster does not know it: then at least as many count as busy as envelopes
  // are in work.
  bool replicas_tell_work = true;
  // Another hand acts on most decisions, in its own time: replicas that were found to be too many and are there still
  // count as gone, but for those that work; and the cluster is asked to lower a count only one look after the decision,
  // so that whoever else decides alike says the same by then.
  bool another_acts = false;
};

// What a look at an actor came to.
struct Seen {
  std::string namespace_;
  std::string actor;
  // Envelopes wait or are in work, or came and went since the last look.
  bool active = false;
  std::int64_t present = 0;  // replicas that are not leaving
  std::int64_t desired = 0;  // never below those that are busy, but for a lower maximum and a pause
};

// Sleeps while nothing waits, runs or cools: a hint of the queue wakes it.
class ReplicaScaler final : public ports::Scaler, public ports::DecisionLog {
 public:
  struct Deps {
    ports::QueueAdmin& queues;
    ports::Cluster& cluster;
    const Clock& clock;
    observe::Metrics* metrics = nullptr;  // must outlive the scaler; none: nothing is counted
    // After each look that could be made, by the thread that looks; must not block. May be empty.
    std::function<void(const Seen&)> on_seen{};
  };
  ReplicaScaler(const Deps& deps, const ScalerSettings& settings);
  ~ReplicaScaler() override;
  ReplicaScaler(const ReplicaScaler&) = delete;
  ReplicaScaler& operator=(const ReplicaScaler&) = delete;

  void Start();
  void Stop();

  void Set(const ports::ScaledActor& actor) override;
  void Remove(const std::string& namespace_, const std::string& actor) override;
  [[nodiscard]] std::vector<ports::Decision> Last(const std::string& namespace_, const std::string& actor,
                                                  std::int64_t limit) const override;

  // Messages of an actor's queue, at the last look.
  struct Messages {
    std::int64_t visible = 0;
    std::int64_t delayed = 0;
    std::int64_t in_flight = 0;
  };
  // Actors that have or should have replicas, or whose queue has messages, by namespace and name; at most `limit`.
  struct Count {
    std::string namespace_;
    std::string actor;
    std::int64_t desired = 0;
    std::int64_t current = 0;
    Messages messages;
  };
  [[nodiscard]] std::vector<Count> Counts(std::size_t limit) const;
  // What a hint of the queue does: its actor is looked at as soon as the gap allows.
  void Hint(const std::string& queue);
  // Looks at every actor that is due and returns when the next one is. Start()'s thread calls this; tests may instead.
  std::optional<SteadyTime> RunDue();

 private:
  using Key = std::pair<std::string, std::string>;  // namespace, actor
  struct State {
    ports::ScaledActor actor;
    Memory memory;
    Rates rates;
    SteadyTime due{};
    std::optional<SteadyTime> looked;
    std::optional<std::int64_t> target;  // what the cluster was told last
    std::optional<Cause> cause;          // of the last decision recorded
    std::int64_t present = 0;            // replicas at the last look
    Messages messages;
    std::uint64_t generation = 0;  // new with each Set, so that a look under way does not delay the next
  };
  struct Look {
    Memory memory;
    Rates rates;
    std::optional<std::int64_t> target;
    std::optional<Cause> cause;
    std::int64_t present = 0;
    Messages messages;
    bool active = false;
    SteadyTime next{};
  };

  void Work();
  void SetDue(const Key& key, State& state, SteadyTime due);
  void LookAt(const Key& key);
  // What a look found, if the actor is still there; `generation`: of the actor that was looked at.
  void Keep(const Key& key, std::uint64_t generation, const Result<Look>& look);
  Result<Look> Decide(const State& state, std::chrono::milliseconds zero_poll);
  void Record(const State& state, const Signals& signals, const Desired& desired, std::int64_t present);

  ports::QueueAdmin& queues_;
  ports::Cluster& cluster_;
  const Clock& clock_;
  const ScalerSettings settings_;
  const std::function<void(const Seen&)> on_seen_;
  DecisionRing decisions_;
  struct Counters {
    observe::Counter up;
    observe::Counter down;
    observe::Counter same;
  };
  std::optional<Counters> counters_;  // decisions, by direction
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<Key, State> states_;
  std::map<std::string, Key, std::less<>> by_queue_;
  std::set<std::pair<SteadyTime, Key>> by_due_;  // each of states_ once
  std::uint64_t generations_ = 0;
  bool running_ = false;
  bool woken_ = false;
  std::shared_ptr<void> hints_;
  std::thread thread_;
};

}  // namespace asya::scaling
