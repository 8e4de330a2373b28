// KubernetesCluster: a Kubernetes API as the cluster: applies rendered resources to it and follows what becomes of
// them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cluster/kubernetes/client.h"
#include "cluster/kubernetes/informer.h"
#include "cluster/kubernetes/object_cache.h"
#include "cluster/subscribers.h"
#include "core/base/random.h"
#include "core/observe/log.h"
#include "ports/cluster.h"

namespace asya::cluster::kubernetes {

struct KubernetesSettings {
  // Children get a controller ownerReference to their AsyncActor: where the cluster serves our kinds. Elsewhere its
  // garbage collector would find no such owner and delete them.
  bool owner_references = false;
};

// Thread safe. An object is ours when it carries kOwnerLabel and, where children get an owner reference, is controlled
// by the actor of that uid: a copy that somebody made of one is theirs. Nothing else is changed or deleted.
class KubernetesCluster final : public ports::Cluster {
 public:
  // How long what the API serves is taken to stay so.
  static constexpr std::chrono::seconds kServedTrusted{10};
  // How long a name that MayApply found free is taken to stay so, and how many of them are remembered.
  static constexpr std::chrono::seconds kFreeTrusted{2};
  static constexpr std::size_t kFreeMax = 1000;

  // `client` lives longer.
  KubernetesCluster(Client& client, KubernetesSettings settings, const Clock& clock, const observe::Logger& log,
                    observe::Metrics* metrics = nullptr);
  ~KubernetesCluster() override;
  KubernetesCluster(const KubernetesCluster&) = delete;
  KubernetesCluster& operator=(const KubernetesCluster&) = delete;

  // Begins to follow the objects; does not wait for them.
  void Start();
  // Idempotent.
  void Stop();
  // kUnavailable until everything has been listed once; with what is missing.
  [[nodiscard]] Status Ready() const;

  // Where all kinds are served, no name is somebody else's, and no right to make them is missing.
  Status MayApply(const std::vector<json::Value>& objects) override;
  // Sends nothing where this has applied the same before and what it then found is still so. kConflict: there is an
  // object of that name which belongs to somebody else, or to an actor of that name that is gone. kUnavailable with the
  // part to install, for a kind that the cluster does not serve.
  Result<ports::Applied> Apply(const json::Value& object, const std::string& field_manager) override;
  Status Delete(const ports::ResourceRef& ref, const std::string& owner_uid) override;
  // kUnavailable until Ready.
  Result<std::vector<ports::Observed>> Observe(const std::string& owner_uid) override;
  // Sends nothing where that count has been asked for already.
  Status Scale(const ports::ResourceRef& deployment, std::int64_t replicas) override;
  // Those beyond the count that the Deployment asks for count as draining, the ones with least work first.
  Result<std::vector<ports::Replica>> Replicas(const ports::ResourceRef& deployment) override;
  // Of a pod of ours that is there: how many envelopes it has in work, for Replicas() of every server, and so that the
  // cluster takes pods without work away first. True where something had to be written (pod_load.h).
  Result<bool> NoteLoad(const std::string& namespace_, const std::string& pod, std::int64_t in_flight);
  [[nodiscard]] std::shared_ptr<void> Subscribe(std::function<void(const std::string&)> on_change) override;

 private:
  // Of what was sent last: its owner and digest, and the digest of the same part of what the cluster made of it.
  struct Memory {
    std::string owner;
    std::string sent;
    std::string seen;
    bool whole = true;  // whoever gave the first values has been left the count alone
  };
  // What the API was found to serve, and when.
  struct Served {
    bool served = false;
    SteadyTime at;
  };
  using MemoryKey = std::pair<ports::ResourceRef, std::string>;

  // The uid of the actor whose it is; empty: it is not ours.
  [[nodiscard]] std::string OwnerOf(const json::Value& object) const;
  [[nodiscard]] json::Value WithOwner(json::Value object) const;
  // `now`: what is to be sent, and what is seen of it.
  [[nodiscard]] bool IsAsApplied(const MemoryKey& key, const Memory& now) const;
  // Of what is to be sent, once more or for the first time. Forgets what was given to an object that is gone.
  ports::Drift DriftOf(const MemoryKey& key, const Memory& now, bool is_there);
  // kUnavailable with kKedaField for a kind that the cluster does not serve.
  Status CheckServed(const Kind& kind);
  // Whether MayApply has just found nothing of this name; it is asked once.
  bool TakeFree(const ports::ResourceRef& ref);
  // Of the object of this name, where it is ours; empty where there is none. kConflict: it is somebody else's.
  Result<std::string> UidThere(const Kind& kind, const ports::ResourceRef& ref, const json::Value& wanted);
  Result<json::Value> SendApply(const Kind& kind, const ports::ResourceRef& ref, json::Value object,
                                const std::string& manager);
  // The same where nothing was; kConflict where somebody else was quicker, whose object stays as they made it.
  Result<json::Value> SendFirst(const Kind& kind, const ports::ResourceRef& ref, const json::Value& object,
                                const std::string& manager);
  // Before the manager applies `wanted` without the count that it gave: has whoever gives first values hold it as it
  // is.
  Status LeaveCount(const Kind& kind, const ports::ResourceRef& ref, const json::Value& wanted,
                    const std::string& manager);
  // The count that a Deployment asks for, as it was seen last; nullopt: not known.
  [[nodiscard]] std::optional<std::int64_t> AskedReplicas(const ports::ResourceRef& deployment) const;
  // `ended`: also those that have.
  [[nodiscard]] std::vector<ports::Replica> PodsOf(const ports::ResourceRef& deployment, bool ended) const;

  Client& client_;
  const KubernetesSettings settings_;
  const Clock& clock_;
  const observe::Logger log_;
  Random random_;
  Subscribers subscribers_;
  ObjectCache children_;
  ObjectCache pods_;  // by the Deployment that they belong to
  mutable std::mutex mutex_;
  std::map<MemoryKey, Memory> memories_;
  std::map<std::string, Served> served_;  // optional kinds, by name
  std::map<ports::ResourceRef, SteadyTime> free_;
  std::vector<std::unique_ptr<Informer>> informers_;
};

}  // namespace asya::cluster::kubernetes
