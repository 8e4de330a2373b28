#include "server/pod_watchdog.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "ports/resource.h"
#include "webhooks/configurations.h"
#include "webhooks/injection.h"

namespace asya::server {
namespace {

using cluster::kubernetes::MetadataOf;

constexpr const char* kSelector = "asya.sh/inject%3Dtrue";
constexpr const char* kConfigurations = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/";
constexpr const char* kEvicted = "evicted";
constexpr const char* kHeld = "held";
constexpr const char* kFailed = "failed";

std::string ActorOf(const json::Value& pod) {
  return MetadataOf(pod, "namespace") + "/" + ports::LabelOf(pod, webhooks::kActorLabel);
}

bool IsOver(const json::Value& pod) {
  const json::Value* status = pod.Find("status");
  const std::string phase = status == nullptr ? "" : status->GetString("phase").value_or("");
  return phase == "Succeeded" || phase == "Failed";
}

bool IsReady(const json::Value& pod) {
  const json::Value* ready = cluster::kubernetes::FindCondition(pod.Find("status"), "Ready");
  return ready != nullptr && ready->GetString("status") == "True";
}

}  // namespace

PodWatchdog::PodWatchdog(Parts parts)
    : parts_(std::move(parts)),
      without_relay_(parts_.metrics.MakeGauge("asya_pods_without_relay",
                                              "Pods of others that ask for a relay and have none.", {})),
      found_(parts_.metrics.MakeCounter("asya_pods_without_relay_found_total",
                                        "Pods that were found to ask for a relay and to have none.", {})),
      random_(SystemSeed()),
      cache_(ActorOf),
      informer_(cluster::kubernetes::PodKind(), kSelector,
                // Its series would be those of our own pods.
                {parts_.client, cache_, parts_.clock, random_, parts_.logger, nullptr},
                [this](const std::set<std::string>& actors) {
                  for (const std::string& actor : actors) subscribers_.Call(actor);
                }),
      repeated_(
          kPeriod, [this] { return Look(); },
          [this](const Error& error) {
            parts_.logger.Error("pods without their relay cannot be looked after", {{"error", error.message}});
          }) {
  for (const char* result : {kEvicted, kHeld, kFailed}) {
    evictions_.emplace(result, parts_.metrics.MakeCounter("asya_pod_evictions_total",
                                                          "Evictions of pods without relay that were asked for.",
                                                          {{"result", result}}));
  }
}

void PodWatchdog::Stop() {
  repeated_.Stop();
  informer_.Stop();
  without_relay_.Set(0);
}

ports::BoundCount PodWatchdog::Count(const std::string& namespace_, const std::string& actor) const {
  ports::BoundCount count;
  for (const ports::Observed& pod : cache_.OwnedBy(namespace_ + "/" + actor)) {
    if (IsOver(pod.object) || !MetadataOf(pod.object, "deletionTimestamp").empty()) continue;
    ++count.pods;
    if (webhooks::LacksRelay(pod.object)) {
      ++count.without_relay;
    } else if (IsReady(pod.object)) {
      ++count.ready;
    }
  }
  return count;
}

std::shared_ptr<void> PodWatchdog::Subscribe(
    std::function<void(const std::string& namespace_, const std::string& actor)> on_change) {
  return subscribers_.Add([on_change = std::move(on_change)](const std::string& actor) {
    const std::size_t slash = actor.find('/');
    on_change(actor.substr(0, slash), actor.substr(slash + 1));
  });
}

Result<webhooks::InstalledWebhook> PodWatchdog::Installed() {
  const auto found = parts_.client.Get(std::string(kConfigurations) + webhooks::kMutatingName);
  if (found.ok()) return webhooks::ReadInstalled(*found);
  if (found.error().code == ErrorCode::kNotFound) return webhooks::InstalledWebhook{};
  return found.error();
}

Status PodWatchdog::Look() {
  ASYA_TRY_STATUS(Ready());
  std::vector<Pod> slipped = cache_.All();
  std::erase_if(slipped, [](const Pod& pod) { return !webhooks::LacksRelay(*pod); });
  without_relay_.Set(static_cast<double>(slipped.size()));
  std::set<std::string> uids;
  std::set<std::string> actors;
  for (const Pod& pod : slipped) {
    uids.insert(MetadataOf(*pod, "uid"));
    actors.insert(ActorOf(*pod));
  }
  std::erase_if(told_, [&uids](const auto& told) { return !uids.contains(told.first); });
  std::erase_if(evicted_at_, [&actors](const auto& evicted) { return !actors.contains(evicted.first); });
  if (slipped.empty()) return Ok();
  ASYA_TRY(const webhooks::InstalledWebhook webhook, Installed());
  Allowance allowance;
  Status first = Ok();
  for (const Pod& pod : slipped) {
    Status looked = LookAt(*pod, webhook, allowance);
    if (!looked.ok() && first.ok()) first = std::move(looked);
  }
  return first;
}

Status PodWatchdog::LookAt(const json::Value& pod, const webhooks::InstalledWebhook& webhook, Allowance& allowance) {
  const Status again = parts_.would_inject(pod);
  if (!again.ok() && again.error().code == ErrorCode::kUnavailable) return again;
  const webhooks::SlippedPod judged = webhooks::Judge(pod, webhook, again, parts_.namespace_);
  Tell(pod, judged.reason, judged.message, allowance);
  const bool told = told_.contains(MetadataOf(pod, "uid"));
  if (judged.fate != webhooks::Fate::kReplaced || !told || !IsCalm(ActorOf(pod))) return Ok();
  return Evict(pod, allowance);
}

void PodWatchdog::Tell(const json::Value& pod, const std::string& reason, const std::string& message,
                       Allowance& allowance) {
  const std::string uid = MetadataOf(pod, "uid");
  const auto known = told_.find(uid);
  if (known != told_.end() && known->second.contains(reason)) return;
  // What is over the limit is told at a later look.
  if (allowance.events == 0) return;
  --allowance.events;
  if (known == told_.end()) found_.Add();
  told_[uid].insert(reason);
  parts_.logger.Warning(
      "a pod has no relay",
      {{"namespace", MetadataOf(pod, "namespace")}, {"pod", MetadataOf(pod, "name")}, {"why", message}});
  parts_.events.Tell(pod, true, reason, message);
}

bool PodWatchdog::IsCalm(const std::string& actor) const {
  const auto evicted = evicted_at_.find(actor);
  if (evicted != evicted_at_.end() && parts_.clock.Steady() - evicted->second < kEvictionPause) return false;
  const auto pods = cache_.OwnedBy(actor);
  return std::ranges::all_of(pods, [](const ports::Observed& pod) {
    if (!MetadataOf(pod.object, "deletionTimestamp").empty()) return false;
    return IsOver(pod.object) || IsReady(pod.object) || webhooks::LacksRelay(pod.object);
  });
}

Status PodWatchdog::Evict(const json::Value& pod, Allowance& allowance) {
  if (allowance.evictions == 0) return Ok();
  --allowance.evictions;
  // Also where it was held: whoever holds it is not asked without a pause.
  evicted_at_[ActorOf(pod)] = parts_.clock.Steady();
  const std::string name = MetadataOf(pod, "name");
  const std::string place = MetadataOf(pod, "namespace");
  // One of the same name may have come since.
  const json::Object same{{"preconditions", json::Object{{"uid", MetadataOf(pod, "uid")}}}};
  const auto evicted =
      parts_.client.Create("/api/v1/namespaces/" + place + "/pods/" + name + "/eviction",
                           json::Object{{"apiVersion", "policy/v1"},
                                        {"kind", "Eviction"},
                                        {"metadata", json::Object{{"name", name}, {"namespace", place}}},
                                        {"deleteOptions", same}});
  const bool gone =
      !evicted.ok() && (evicted.error().code == ErrorCode::kNotFound || evicted.error().code == ErrorCode::kConflict);
  const bool held = !evicted.ok() && evicted.error().code == ErrorCode::kTooMany;
  evictions_.at(evicted.ok() || gone ? kEvicted : held ? kHeld : kFailed).Add();
  if (evicted.ok() || gone) {
    parts_.logger.Info("a pod without relay is evicted", {{"namespace", place}, {"pod", name}});
    return Ok();
  }
  if (!held) return evicted.error();
  Tell(pod, "EvictionHeld", "the pod has no relay, and is kept until it may be evicted: " + evicted.error().message,
       allowance);
  return Ok();
}

}  // namespace asya::server
