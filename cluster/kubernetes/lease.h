// Lease: which one of several replicas works, by a Lease object of the cluster (coordination.k8s.io/v1).
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "cluster/kubernetes/client.h"
#include "core/base/clock.h"
#include "core/base/periodic.h"
#include "core/base/result.h"
#include "core/json/value.h"
#include "core/observe/log.h"
#include "core/observe/metrics.h"

namespace asya::cluster::kubernetes {

struct LeaseSettings {
  std::string namespace_;
  std::string name;
  std::string holder;                     // of this replica alone, also among its own earlier lives
  std::chrono::seconds duration{10};      // after which others may take one that is not renewed
  std::chrono::milliseconds pause{2000};  // between renewals, and between looks at one that somebody else holds
  // Of one call, so that the two of a turn fit into the patience of a holder, which is half the duration.
  std::chrono::milliseconds deadline{1000};
};

// The clocks of replicas need not agree: one that is held by another is free when it has not changed for its duration
// by the own clock, as in client-go's leaderelection.
class Lease {
 public:
  struct Events {
    // While it fails, the lease is neither taken nor kept.
    std::function<Status()> fit;
    std::function<void()> on_gained;
    // Must return when nothing of this replica works any more; the lease is not renewed meanwhile.
    std::function<void()> on_lost;
  };
  // `client` and `clock` live longer.
  Lease(Client& client, LeaseSettings settings, Events events, const Clock& clock, observe::Logger log,
        observe::Metrics* metrics = nullptr);
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  void Start();
  // Gives it up where this replica holds it, so that another need not wait. Idempotent.
  void Stop();
  // One renewal or look, and how long until the next; Start has it done again and again. For tests, instead of Start.
  std::chrono::milliseconds Turn();
  [[nodiscard]] bool holds() const { return holds_; }

 private:
  // The time without a renewal after which it counts as lost. It is looked at before and after each turn, which takes
  // two calls at most, so that little is left to do when others may take it.
  [[nodiscard]] std::chrono::milliseconds Patience() const { return settings_.duration / 2; }
  // One renewal or look.
  void Renew();
  // One that another holds is looked at when it becomes free, and one that did not answer is asked again soon.
  [[nodiscard]] std::chrono::milliseconds Pause() const;
  // A call of the lease itself.
  [[nodiscard]] Call ToIt(const std::string& method, std::optional<json::Value> body = std::nullopt) const;
  Result<bool> TryHold();
  Result<bool> Make();
  [[nodiscard]] bool IsFree(const json::Value& spec);
  Result<bool> Take(json::Value lease);
  void Gain();
  void Lose(const std::string& why);
  void Release();

  Client& client_;
  const LeaseSettings settings_;
  const Events events_;
  const Clock& clock_;
  const observe::Logger log_;
  std::optional<observe::Gauge> leading_;
  std::optional<observe::Counter> transitions_;
  bool holds_ = false;
  SteadyTime renewed_at_{};
  std::string seen_;  // holder and renewal as they were seen last
  SteadyTime seen_at_{};
  SteadyTime free_at_{};
  bool read_ = true;  // by the last look; the first of several that fail is logged
  Periodic turns_;
};

}  // namespace asya::cluster::kubernetes
