#include "scaling/scaler.h"

#include <algorithm>

#include "core/json/value.h"

namespace asya::scaling {
namespace {

// Bounds the arithmetic of the wait, nothing else.
constexpr std::chrono::hours kLongestSleep{1};

// By which each actor makes the pause between looks at those without a replica longer.
constexpr std::chrono::milliseconds kZeroShare{5};

json::Value OrNull(const std::optional<double>& number) { return number ? json::Value(*number) : json::Value(); }

std::string InputsJson(const Signals& signals, const ports::ScalingPolicy& policy) {
  json::Value inputs;
  inputs["visible"] = signals.visible;
  inputs["delayed"] = signals.delayed;
  inputs["inFlight"] = signals.in_flight;
  inputs["ready"] = signals.ready;
  inputs["starting"] = signals.starting;
  inputs["busy"] = signals.busy;
  inputs["arrivalsPerSecond"] = OrNull(signals.arrivals_per_s);
  inputs["servedPerReplicaSecond"] = OrNull(signals.served_per_replica_s);
  json::Value rules;
  rules["enabled"] = policy.enabled;
  rules["paused"] = policy.paused;
  rules["minReplicaCount"] = policy.min_replicas;
  rules["maxReplicaCount"] = policy.max_replicas;
  rules["queueLength"] = policy.queue_length;
  rules["cooldownSeconds"] = std::chrono::duration<double>(policy.cooldown).count();
  inputs["policy"] = std::move(rules);
  return json::Dump(inputs);
}

Signals See(SteadyTime now, const ports::QueueStats& stats, const std::vector<ports::Replica>& replicas,
            bool replicas_tell_work) {
  Signals signals;
  signals.now = now;
  signals.visible = stats.visible;
  signals.delayed = stats.delayed;
  signals.in_flight = stats.in_flight;
  for (const auto& replica : replicas) {
    if (replica.draining) continue;  // it takes no more work
    ++(replica.ready ? signals.ready : signals.starting);
    if (replica.in_flight > 0) ++signals.busy;
  }
  if (!replicas_tell_work) {
    signals.busy = std::max(signals.busy, std::min(signals.ready + signals.starting, stats.in_flight));
  }
  return signals;
}

// As if those beyond `target` had gone, but for the ones that work.
void LeaveOutSurplus(std::int64_t target, Signals& signals) {
  const std::int64_t counted = std::max({target, signals.busy, std::int64_t{1}});
  signals.starting = std::min(signals.starting, std::max<std::int64_t>(counted - signals.ready, 0));
  signals.ready = std::min(signals.ready, counted);
}

}  // namespace

ReplicaScaler::ReplicaScaler(const Deps& deps, const ScalerSettings& settings)
    : queues_(deps.queues), cluster_(deps.cluster), clock_(deps.clock), settings_(settings), on_seen_(deps.on_seen) {
  if (deps.metrics == nullptr) return;
  const auto counter = [&](const char* direction) {
    return deps.metrics->MakeCounter("asya_scaler_decisions_total", "Decisions recorded, by what they changed.",
                                     {{"direction", direction}});
  };
  counters_.emplace(Counters{counter("up"), counter("down"), counter("none")});
}

ReplicaScaler::~ReplicaScaler() { Stop(); }

void ReplicaScaler::Start() {
  {
    const std::lock_guard lock(mutex_);
    if (running_) return;
    running_ = true;
  }
  hints_ = queues_.SubscribeHints([this](const std::string& queue) { Hint(queue); });
  thread_ = std::thread([this] { Work(); });
}

void ReplicaScaler::Stop() {
  hints_.reset();
  {
    const std::lock_guard lock(mutex_);
    running_ = false;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void ReplicaScaler::Set(const ports::ScaledActor& actor) {
  const Key key{actor.namespace_, actor.actor};
  {
    const std::lock_guard lock(mutex_);
    auto [found, added] = states_.try_emplace(key);
    State& state = found->second;
    if (!added && state.actor == actor) return;
    if (!added) by_queue_.erase(state.actor.queue);
    by_queue_[actor.queue] = key;
    state.actor = actor;
    SetDue(key, state, clock_.Steady());
    state.generation = ++generations_;
    woken_ = true;
  }
  changed_.notify_one();
}

void ReplicaScaler::Remove(const std::string& namespace_, const std::string& actor) {
  const std::lock_guard lock(mutex_);
  const auto found = states_.find({namespace_, actor});
  if (found == states_.end()) return;
  by_queue_.erase(found->second.actor.queue);
  by_due_.erase({found->second.due, found->first});
  states_.erase(found);
  decisions_.Forget(namespace_, actor);
}

std::vector<ports::Decision> ReplicaScaler::Last(const std::string& namespace_, const std::string& actor,
                                                 std::int64_t limit) const {
  return decisions_.Last(namespace_, actor, limit);
}

std::vector<ReplicaScaler::Count> ReplicaScaler::Counts(std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  std::vector<Count> counts;
  for (const auto& [key, state] : states_) {
    const std::int64_t desired = state.target.value_or(0);
    const Messages& messages = state.messages;
    if (desired + state.present + messages.visible + messages.delayed + messages.in_flight == 0) continue;
    if (counts.size() == limit) break;
    counts.push_back({key.first, key.second, desired, state.present, messages});
  }
  return counts;
}

void ReplicaScaler::Hint(const std::string& queue) {
  {
    const std::lock_guard lock(mutex_);
    const auto key = by_queue_.find(queue);
    if (key == by_queue_.end()) return;
    State& state = states_.at(key->second);
    const SteadyTime now = clock_.Steady();
    const SteadyTime due = state.looked ? std::max(now, *state.looked + settings_.hint_gap) : now;
    if (due >= state.due) return;
    SetDue(key->second, state, due);
    woken_ = true;
  }
  changed_.notify_one();
}

std::optional<SteadyTime> ReplicaScaler::RunDue() {
  std::vector<Key> due;
  {
    const std::lock_guard lock(mutex_);
    const SteadyTime now = clock_.Steady();
    for (auto next = by_due_.begin(); next != by_due_.end() && next->first <= now; ++next) due.push_back(next->second);
  }
  for (const auto& key : due) LookAt(key);
  const std::lock_guard lock(mutex_);
  return by_due_.empty() ? std::nullopt : std::optional(by_due_.begin()->first);
}

void ReplicaScaler::SetDue(const Key& key, State& state, SteadyTime due) {
  by_due_.erase({state.due, key});
  state.due = due;
  by_due_.insert({due, key});
}

void ReplicaScaler::Work() {
  for (;;) {
    const std::optional<SteadyTime> next = RunDue();
    std::unique_lock lock(mutex_);
    const auto awake = [this] { return woken_ || !running_; };
    if (next) {
      const auto left = *next - clock_.Steady();
      changed_.wait_for(lock, std::clamp<SteadyTime::duration>(left, SteadyTime::duration::zero(), kLongestSleep),
                        awake);
    } else {
      changed_.wait(lock, awake);
    }
    woken_ = false;
    if (!running_) return;
  }
}

void ReplicaScaler::LookAt(const Key& key) {
  State seen;
  std::chrono::milliseconds zero_poll{0};
  {
    const std::lock_guard lock(mutex_);
    const auto found = states_.find(key);
    if (found == states_.end()) return;
    // Until the look is over; a hint that comes meanwhile makes it earlier again.
    found->second.looked = clock_.Steady();
    SetDue(key, found->second, SteadyTime::max());
    seen = found->second;
    const auto share = kZeroShare * static_cast<std::int64_t>(states_.size());
    zero_poll = std::clamp(share, settings_.zero_poll_least, settings_.zero_poll);
  }
  const Result<Look> look = Decide(seen, zero_poll);
  Keep(key, seen.generation, look);
  // Whoever is told finds the counts of this look.
  if (look.ok() && on_seen_) on_seen_(Seen{key.first, key.second, look->active, look->present, *look->target});
}

void ReplicaScaler::Keep(const Key& key, std::uint64_t generation, const Result<Look>& look) {
  const std::lock_guard lock(mutex_);
  const auto found = states_.find(key);
  if (found == states_.end()) return;
  State& state = found->second;
  if (!look.ok()) {
    SetDue(key, state, std::min(state.due, clock_.Steady() + settings_.retry));
    return;
  }
  state.memory = look->memory;
  state.rates = look->rates;
  state.cause = look->cause;
  state.target = look->target;
  state.present = look->present;
  state.messages = look->messages;
  if (state.generation == generation) SetDue(key, state, std::min(state.due, look->next));
}

Result<ReplicaScaler::Look> ReplicaScaler::Decide(const State& state, std::chrono::milliseconds zero_poll) {
  const auto& actor = state.actor;
  ASYA_TRY(const auto stats, queues_.Stats(actor.queue));
  ASYA_TRY(const auto replicas, cluster_.Replicas(actor.deployment));
  const SteadyTime now = clock_.Steady();
  Signals signals = See(now, stats, replicas, settings_.replicas_tell_work);
  Look look{state.memory, state.rates, state.target, state.cause, 0, {stats.visible, stats.delayed, stats.in_flight},
            false,        now};
  look.rates.Observe(now, stats.arrived_total, stats.settled_total, signals.busy);
  signals.moved = look.rates.moved();
  signals.arrivals_per_s = look.rates.arrivals_per_s();
  signals.served_per_replica_s = look.rates.served_per_replica_s();
  const std::int64_t present = signals.ready + signals.starting;
  look.present = present;
  // What moved without a replica was taken by somebody else.
  look.active = signals.visible + signals.in_flight > 0 || (present > 0 && (signals.busy > 0 || signals.moved));
  if (settings_.another_acts && state.target) LeaveOutSurplus(*state.target, signals);
  const Desired desired = DesiredReplicas(signals, actor.policy, state.memory);
  const bool too_early = settings_.another_acts && desired.replicas < present && state.target != desired.replicas;
  if (!too_early && (desired.replicas != present || state.target != desired.replicas)) {
    ASYA_TRY_STATUS(cluster_.Scale(actor.deployment, desired.replicas));
  }
  const std::int64_t before = state.target.value_or(present);
  const bool other_reason = state.cause && *state.cause != desired.cause;
  if (desired.replicas != before || other_reason) Record(state, signals, desired, before);
  look.memory = desired.memory;
  look.target = desired.replicas;
  look.cause = desired.cause;
  const bool works = signals.visible + signals.in_flight + signals.busy + stats.delayed > 0 || signals.moved;
  const bool on_the_way = desired.replicas != present || signals.starting > 0;
  const auto rest = present == 0 ? zero_poll : settings_.idle_poll;
  look.next = now + (works || on_the_way ? std::min(settings_.tick, rest) : rest);
  if (desired.look_again) look.next = std::min(look.next, std::max(*desired.look_again, now + settings_.hint_gap));
  return look;
}

void ReplicaScaler::Record(const State& state, const Signals& signals, const Desired& desired, std::int64_t before) {
  if (counters_) {
    const auto& counter = desired.replicas > before   ? counters_->up
                          : desired.replicas < before ? counters_->down
                                                      : counters_->same;
    counter.Add();
  }
  decisions_.Add(ports::Decision{state.actor.namespace_, state.actor.actor, clock_.Now(), before, desired.replicas,
                                 desired.reason, InputsJson(signals, state.actor.policy)});
}

}  // namespace asya::scaling
