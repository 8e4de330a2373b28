// KedaScaling: sizes the actors of a cluster by KEDA: looks at their queues, answers KEDA's calls, and in the server
// that leads takes surplus replicas away.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "compositions/actor_composer.h"
#include "core/base/clock.h"
#include "core/http/server.h"
#include "core/observe/log.h"
#include "core/observe/metrics.h"
#include "ports/cluster.h"
#include "ports/decisions.h"
#include "ports/object_store.h"
#include "scaling/external_scaler.h"
#include "scaling/keda/keda_server.h"
#include "scaling/scaler.h"
#include "server/queue_directory.h"
#include "server/scaled_actors.h"
#include "server/scaler_options.h"

namespace asya::server {

class KedaScaling final : public ports::DecisionLog {
 public:
  // All of these live longer.
  struct Parts {
    std::function<Status()> trusted;  // an error: nothing is answered, nothing written
    ports::ObjectStore& objects;
    QueueDirectory& queues;
    // Of the cluster, as this server sees it.
    std::function<Result<std::vector<ports::Replica>>(const ports::ResourceRef& workload)> replicas;
    std::function<Status(const ports::ResourceRef& workload, std::int64_t replicas)> scale;
    std::function<bool()> leads;
    const Clock& clock;
    observe::Logger logger;
    observe::Metrics& metrics;
  };
  KedaScaling(ScalerOptions options, compositions::Settings composer, const Parts& parts);
  ~KedaScaling() override;
  KedaScaling(const KedaScaling&) = delete;
  KedaScaling& operator=(const KedaScaling&) = delete;

  // What TLS is served with, from now on; before Start or any time after it. Any thread.
  void UseIdentity(const http::TlsIdentity& identity);
  // Fails where the address is taken.
  Status Start();
  // Idempotent.
  void Stop();
  // Work came, or may have come, for this queue: its actor is looked at as soon as may be. Any thread; does not block.
  void Hint(const std::string& queue);
  // What KEDA is answered from.
  [[nodiscard]] scaling::ExternalScaler& answers() { return external_; }
  // Those of this server; each decides alike.
  [[nodiscard]] std::vector<ports::Decision> Last(const std::string& namespace_, const std::string& actor,
                                                  std::int64_t limit) const override;
  // What the scaler saw last, of all that KEDA asks about; at most `limit`.
  [[nodiscard]] std::vector<scaling::ReplicaScaler::Count> Counts(std::size_t limit) const;

 private:
  // The actors of one transport: a broker that does not answer holds up no other's.
  class Loop;

  void Set(const ports::ScaledActor& actor, const json::Value& transport);
  void Remove(const std::string& namespace_, const std::string& actor);
  // The last one to leave ends the loop.
  void Leave(const std::shared_ptr<Loop>& home, const scaling::ActorKey& key);
  Status ScaleIfOurs(const ports::ResourceRef& workload, std::int64_t desired);

  const ScalerOptions options_;
  const Parts parts_;
  const compositions::ActorComposer composer_;
  scaling::ExternalScaler external_;
  ScaledActors actors_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Loop>> loops_;        // by name of the Transport
  std::map<scaling::ActorKey, std::shared_ptr<Loop>> homes_;  // where each actor is looked after
  std::shared_ptr<void> hints_;
  std::mutex serving_mutex_;
  std::optional<scaling::KedaIdentity> identity_;
  std::unique_ptr<scaling::KedaServer> server_;
};

}  // namespace asya::server
