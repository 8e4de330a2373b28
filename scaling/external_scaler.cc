#include "scaling/external_scaler.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace asya::scaling {
namespace {

constexpr const char* kTold = "asya_external_scaler_activations_total";
constexpr const char* kToldHelp =
    "Times that KEDA was told of work: when it came, and again while no replica was there.";

}  // namespace

ExternalScaler::ExternalScaler(const Clock& clock, observe::Metrics& metrics, std::function<Status()> ready)
    : clock_(clock),
      ready_(std::move(ready)),
      first_(metrics.MakeCounter(kTold, kToldHelp, {{"which", "first"}})),
      again_(metrics.MakeCounter(kTold, kToldHelp, {{"which", "again"}})),
      streams_(metrics.MakeGauge("asya_external_scaler_streams", "Streams of KEDA that are open.")),
      refused_(metrics.MakeCounter("asya_external_scaler_streams_refused_total",
                                   "Streams of KEDA that were refused because too many were open.")) {}

void ExternalScaler::Add(const ActorKey& actor) {
  const std::lock_guard lock(mutex_);
  actors_.try_emplace(actor);
}

void ExternalScaler::Remove(const ActorKey& actor) {
  Listeners ended;
  {
    const std::lock_guard lock(mutex_);
    const auto found = actors_.find(actor);
    if (found == actors_.end()) return;
    ended.swap(found->second.listeners);
    actors_.erase(found);
    subscribers_ -= ended.size();
    streams_.Set(static_cast<double>(subscribers_));
  }
  for (const auto& listening : ended) listening->subscriber.on_gone();
}

void ExternalScaler::Complete() {
  const std::lock_guard lock(mutex_);
  complete_ = true;
}

void ExternalScaler::Look(const Seen& seen) {
  std::vector<std::shared_ptr<Listening>> told;
  {
    const std::lock_guard lock(mutex_);
    const auto found = actors_.find({seen.namespace_, seen.actor});
    if (found == actors_.end()) return;
    Actor& actor = found->second;
    actor.looked = true;
    // A paused actor has work that nobody is to be woken for.
    actor.active = seen.active && seen.desired > 0;
    actor.present = seen.present;
    actor.desired = seen.desired;
    for (const auto& listening : actor.listeners) {
      if (IsNews(actor, *listening)) told.push_back(listening);
    }
  }
  for (const auto& listening : told) listening->subscriber.on_active();
}

bool ExternalScaler::IsNews(const Actor& actor, Listening& listening) {
  if (!actor.active) {
    listening.told = false;
    return false;
  }
  const SteadyTime now = clock_.Steady();
  const bool again = listening.told;
  if (again && actor.present > 0) return false;
  const bool lately = listening.told_at && now - *listening.told_at < kTellAgainAfter;
  if (lately && (again || actor.present > 0)) return false;
  (again ? again_ : first_).Add();
  listening.told = true;
  listening.told_at = now;
  return true;
}

Result<ExternalScaler::Actor*> ExternalScaler::FindLocked(const ScaledObjectRef& ref) {
  ASYA_TRY(const ActorKey key, ActorOf(ref));
  const auto found = actors_.find(key);
  if (found != actors_.end()) return &found->second;
  const std::string name = key.second.substr(0, kMetadataValueBytesMax);
  if (!complete_) return Fail(ErrorCode::kUnavailable, "the actors are being read; " + name + " may be one of them");
  return Error{ErrorCode::kNotFound,
               "no AsyncActor \"" + name + "\" in namespace \"" + key.first + "\" is scaled by this server",
               "scalerMetadata.actor"};
}

Result<bool> ExternalScaler::IsActive(const ScaledObjectRef& ref) {
  ASYA_TRY_STATUS(ready_());
  const std::lock_guard lock(mutex_);
  ASYA_TRY(const Actor* actor, FindLocked(ref));
  if (!actor->looked) return Fail(ErrorCode::kUnavailable, "its queue or its pods could not be looked at yet");
  return actor->active;
}

Result<std::int64_t> ExternalScaler::Replicas(const ScaledObjectRef& ref, const std::string& metric) {
  ASYA_TRY_STATUS(ready_());
  if (metric != kMetricName) {
    return Invalid("metricName", "got \"" + metric.substr(0, kMetadataValueBytesMax) + "\"; the only one is \"" +
                                     std::string(kMetricName) + "\"");
  }
  const std::lock_guard lock(mutex_);
  ASYA_TRY(const Actor* actor, FindLocked(ref));
  if (!actor->looked) return Fail(ErrorCode::kUnavailable, "its queue or its pods could not be looked at yet");
  return actor->desired;
}

Result<std::shared_ptr<void>> ExternalScaler::Subscribe(const ScaledObjectRef& ref, Subscriber subscriber) {
  ASYA_TRY_STATUS(ready_());
  ASYA_TRY(const ActorKey key, ActorOf(ref));
  const auto listening = std::make_shared<Listening>();
  listening->subscriber = std::move(subscriber);
  bool news = false;
  {
    const std::lock_guard lock(mutex_);
    ASYA_TRY(Actor * actor, FindLocked(ref));
    if (subscribers_ >= kSubscribersMax) {
      refused_.Add();
      return Fail(ErrorCode::kTooMany, "at most " + std::to_string(kSubscribersMax) + " streams are kept open");
    }
    actor->listeners.push_back(listening);
    streams_.Set(static_cast<double>(++subscribers_));
    news = IsNews(*actor, *listening);
  }
  if (news) listening->subscriber.on_active();
  return std::shared_ptr<void>(this, [this, key, listening](void*) { Unsubscribe(key, listening); });
}

void ExternalScaler::Unsubscribe(const ActorKey& key, const std::shared_ptr<Listening>& listening) {
  const std::lock_guard lock(mutex_);
  const auto found = actors_.find(key);
  if (found == actors_.end()) return;
  const auto gone = std::erase(found->second.listeners, listening);
  subscribers_ -= gone;
  streams_.Set(static_cast<double>(subscribers_));
}

void ExternalScaler::EndAll() {
  Listeners ended;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [key, actor] : actors_) ended.splice(ended.end(), actor.listeners);
    subscribers_ = 0;
    streams_.Set(0);
  }
  for (const auto& listening : ended) listening->subscriber.on_gone();
}

}  // namespace asya::scaling
