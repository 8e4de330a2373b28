// PodWatchdog: finds pods of others that ask for a relay and have none, tells of them, and has those evicted that were
// made before the webhook was, so that their owners make them anew.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "cluster/kubernetes/client.h"
#include "cluster/kubernetes/informer.h"
#include "cluster/kubernetes/object_cache.h"
#include "cluster/subscribers.h"
#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/base/result.h"
#include "core/observe/log.h"
#include "core/observe/metrics.h"
#include "ports/bound_pods.h"
#include "ports/event_recorder.h"
#include "server/repeated.h"
#include "webhooks/slipped_pod.h"

namespace asya::server {

class PodWatchdog final : public ports::BoundPods {
 public:
  static constexpr std::chrono::seconds kPeriod{5};          // between looks
  static constexpr std::chrono::seconds kEvictionPause{30};  // between two of one actor's pods
  static constexpr std::size_t kEventsPerLookMax = 50;
  static constexpr std::size_t kEvictionsPerLookMax = 5;

  // All of these live longer.
  struct Parts {
    // Of its own: a PodDisruptionBudget that holds an eviction must not slow anybody else down.
    cluster::kubernetes::Client& client;
    std::string namespace_;  // of the server
    // Whether a pod like it would get its relay now; kUnavailable while that is not known.
    std::function<Status(const json::Value& pod)> would_inject;
    ports::EventRecorder& events;
    const Clock& clock;
    observe::Logger logger;
    observe::Metrics& metrics;
  };
  explicit PodWatchdog(Parts parts);
  ~PodWatchdog() override { Stop(); }
  PodWatchdog(const PodWatchdog&) = delete;
  PodWatchdog& operator=(const PodWatchdog&) = delete;

  // Begins to follow the pods; does not wait for them.
  void Follow() { informer_.Start(); }
  // kUnavailable until they have been listed once.
  [[nodiscard]] Status Ready() const { return informer_.Ready(); }
  // Begins to look at them: of the server that leads alone.
  void Start() { repeated_.Start(); }
  // Idempotent.
  void Stop();
  // One look, on this thread. A pod is told of once for each reason.
  Status Look();

  [[nodiscard]] ports::BoundCount Count(const std::string& namespace_, const std::string& actor) const override;
  [[nodiscard]] std::shared_ptr<void> Subscribe(
      std::function<void(const std::string& namespace_, const std::string& actor)> on_change) override;

 private:
  using Pod = cluster::kubernetes::ObjectCache::Object;
  // What is allowed still in this look.
  struct Allowance {
    std::size_t events = kEventsPerLookMax;
    std::size_t evictions = kEvictionsPerLookMax;
  };

  Result<webhooks::InstalledWebhook> Installed();
  Status LookAt(const json::Value& pod, const webhooks::InstalledWebhook& webhook, Allowance& allowance);
  void Tell(const json::Value& pod, const std::string& reason, const std::string& message, Allowance& allowance);
  // Whether no pod of the actor is about to come or to go.
  [[nodiscard]] bool IsCalm(const std::string& actor) const;
  Status Evict(const json::Value& pod, Allowance& allowance);

  const Parts parts_;
  observe::Gauge without_relay_;
  observe::Counter found_;
  std::map<std::string, observe::Counter> evictions_;  // by result
  Random random_;
  cluster::Subscribers subscribers_;
  cluster::kubernetes::ObjectCache cache_;  // by NAMESPACE/ACTOR
  cluster::kubernetes::Informer informer_;
  std::map<std::string, std::set<std::string>> told_;  // reasons, by uid
  std::map<std::string, SteadyTime> evicted_at_;       // by NAMESPACE/ACTOR
  Repeated repeated_;
};

}  // namespace asya::server
