#include "cluster/kubernetes/kubernetes_cluster.h"

#include <algorithm>

#include "cluster/kubernetes/count_managers.h"
#include "cluster/kubernetes/own_object.h"
#include "cluster/kubernetes/pod_load.h"
#include "cluster/kubernetes/pods.h"
#include "cluster/kubernetes/projection.h"
#include "cluster/kubernetes/rights.h"
#include "cluster/kubernetes/served.h"
#include "core/base/sha256.h"

namespace asya::cluster::kubernetes {
namespace {

constexpr const char* kMergePatch = "application/merge-patch+json";

ports::ResourceRef DeploymentOf(const json::Value& pod) {
  return {"apps/v1", "Deployment", MetadataOf(pod, "namespace"), LabelOf(pod, kNameLabel)};
}

std::string Text(const ports::ResourceRef& deployment) { return deployment.namespace_ + "/" + deployment.name; }

// What is left to give for the manager of the first values of an object, once the main one has given everything: the
// count of replicas. Null where it owns no more than that. As long as it does, nothing that the main manager gives no
// more would go from the object.
json::Value InitialAlone(const json::Value& object, const std::string& manager) {
  const json::Value* entries = object.FindPath({"metadata", "managedFields"});
  const json::Value* replicas = object.FindPath({"spec", "replicas"});
  if (entries == nullptr || !entries->IsArray() || replicas == nullptr) return {};
  for (const json::Value& entry : entries->AsArray()) {
    if (entry.GetString("manager") != manager + kInitialSuffix || entry.GetString("operation") != "Apply") continue;
    if (entry.FindPath({"fieldsV1", "f:spec", "f:template"}) == nullptr) return {};
    return CountAlone(object);
  }
  return {};
}

std::string Digest(const json::Value& value) { return Sha256Hex(json::Dump(value)); }

// A rollout has pods beyond the count that is asked for, and they or those that they replace are to go. Were they
// counted, whoever sizes the Deployment would keep one more each time.
void DrainBeyond(std::int64_t asked, std::vector<ports::Replica>& replicas) {
  std::vector<ports::Replica*> staying;
  for (ports::Replica& replica : replicas) {
    if (!replica.draining) staying.push_back(&replica);
  }
  std::ranges::stable_sort(staying, [](const ports::Replica* one, const ports::Replica* other) {
    return std::pair(one->in_flight, one->ready) > std::pair(other->in_flight, other->ready);
  });
  for (std::size_t index = static_cast<std::size_t>(std::max<std::int64_t>(asked, 0)); index < staying.size(); ++index)
    staying[index]->draining = true;
}

}  // namespace

KubernetesCluster::KubernetesCluster(Client& client, KubernetesSettings settings, const Clock& clock,
                                     const observe::Logger& log, observe::Metrics* metrics)
    : client_(client),
      settings_(settings),
      clock_(clock),
      log_(log),
      random_(SystemSeed()),
      children_([this](const json::Value& object) { return OwnerOf(object); }),
      pods_([](const json::Value& pod) { return Text(DeploymentOf(pod)); }) {
  const auto tell = [this](const std::set<std::string>& owners) {
    for (const std::string& owner : owners) subscribers_.Call(owner);
  };
  for (const Kind& kind : ChildKinds()) {
    informers_.push_back(std::make_unique<Informer>(
        kind, kOwnerLabel, Informer::Parts{client_, children_, clock, random_, log_, metrics}, tell));
  }
  const auto tell_of_pods = [this](const std::set<std::string>& deployments) {
    for (const std::string& text : deployments) {
      const std::size_t slash = text.find('/');
      const auto found = children_.Find({"apps/v1", "Deployment", text.substr(0, slash), text.substr(slash + 1)});
      if (found != nullptr) subscribers_.Call(OwnerOf(*found));
    }
  };
  informers_.push_back(
      std::make_unique<Informer>(PodKind(), std::string(kActorLabel) + ",app.kubernetes.io/managed-by%3Dasya",
                                 Informer::Parts{client_, pods_, clock, random_, log_, metrics}, tell_of_pods));
}

KubernetesCluster::~KubernetesCluster() { Stop(); }

void KubernetesCluster::Start() {
  for (const auto& informer : informers_) informer->Start();
}

void KubernetesCluster::Stop() {
  for (const auto& informer : informers_) informer->Stop();
}

Status KubernetesCluster::Ready() const {
  for (const auto& informer : informers_) ASYA_TRY_STATUS(informer->Ready());
  return Ok();
}

std::string KubernetesCluster::OwnerOf(const json::Value& object) const {
  const std::string uid = LabelOf(object, kOwnerLabel);
  if (!settings_.owner_references || uid.empty()) return uid;
  const json::Value* references = object.FindPath({"metadata", "ownerReferences"});
  if (references == nullptr || !references->IsArray()) return {};
  const bool controlled = std::ranges::any_of(references->AsArray(), [&uid](const json::Value& reference) {
    return reference.GetString("uid") == uid && reference.GetBool("controller") == true;
  });
  return controlled ? uid : std::string();
}

json::Value KubernetesCluster::WithOwner(json::Value object) const {
  return settings_.owner_references ? WithOwnerReference(std::move(object)) : object;
}

bool KubernetesCluster::IsAsApplied(const MemoryKey& key, const Memory& now) const {
  const std::lock_guard lock(mutex_);
  const auto found = memories_.find(key);
  return found != memories_.end() && found->second.whole && found->second.sent == now.sent &&
         found->second.seen == now.seen;
}

ports::Drift KubernetesCluster::DriftOf(const MemoryKey& key, const Memory& now, bool is_there) {
  const std::lock_guard lock(mutex_);
  if (is_there) {
    const auto found = memories_.find(key);
    if (found == memories_.end() || found->second.sent != now.sent) return ports::Drift::kNone;
    const bool rest_alone = !found->second.whole && found->second.seen == now.seen;
    return rest_alone ? ports::Drift::kNone : ports::Drift::kChanged;
  }
  // Of a new object nobody has given anything yet, whichever manager gave it to the former one.
  const auto removed = std::erase_if(memories_, [&](const auto& memory) {
    return memory.first.first == key.first && memory.second.owner == now.owner;
  });
  return removed == 0 ? ports::Drift::kNone : ports::Drift::kDeleted;
}

Status KubernetesCluster::CheckServed(const Kind& kind) {
  if (!kind.optional) return Ok();
  {
    const std::lock_guard lock(mutex_);
    const auto found = served_.find(kind.name);
    if (found != served_.end() && clock_.Steady() - found->second.at < kServedTrusted) {
      return found->second.served ? Ok() : Status(NotServed(kind));
    }
  }
  ASYA_TRY(const bool served, IsServed(client_, kind));
  const std::lock_guard lock(mutex_);
  served_[kind.name] = {served, clock_.Steady()};
  return served ? Ok() : Status(NotServed(kind));
}

Status KubernetesCluster::MayApply(const std::vector<json::Value>& objects) {
  for (const json::Value& object : objects) {
    ASYA_TRY(const ports::ResourceRef ref, RefOf(object));
    const Kind* kind = FindChildKind(ref);
    if (kind == nullptr) return Invalid("kind", "no actor is rendered into a " + ref.api_version + " " + ref.kind);
    const auto uid = UidThere(*kind, ref, object);
    if (!uid.ok()) return uid.error();
    const std::lock_guard lock(mutex_);
    if (free_.size() >= kFreeMax) free_.clear();
    if (uid->empty()) free_[ref] = clock_.Steady();
  }
  return CheckRights(client_, objects);
}

bool KubernetesCluster::TakeFree(const ports::ResourceRef& ref) {
  const std::lock_guard lock(mutex_);
  const auto found = free_.find(ref);
  if (found == free_.end()) return false;
  const bool fresh = clock_.Steady() - found->second < kFreeTrusted;
  free_.erase(found);
  return fresh;
}

Result<std::string> KubernetesCluster::UidThere(const Kind& kind, const ports::ResourceRef& ref,
                                                const json::Value& wanted) {
  ASYA_TRY_STATUS(CheckServed(kind));
  ASYA_TRY(const json::Value found, FindOwn(client_, kind, ref, wanted));
  return MetadataOf(found, "uid");
}

Result<json::Value> KubernetesCluster::SendApply(const Kind& kind, const ports::ResourceRef& ref, json::Value object,
                                                 const std::string& manager) {
  return client_.Send(ApplyCall(kind, ref, std::move(object), manager));
}

Result<json::Value> KubernetesCluster::SendFirst(const Kind& kind, const ports::ResourceRef& ref,
                                                 const json::Value& object, const std::string& manager) {
  auto made = client_.Send(ApplyCall(kind, ref, object, manager, Fields::kOfNobodyElse));
  if (!made.ok()) return made.error().code == ErrorCode::kConflict ? Taken(ref) : made.error();
  if (!IsOfOthersToo(*made, manager)) return made;
  // Somebody has made one of this name since it was found free: it stays theirs, without anything of ours.
  const json::Object metadata{{"name", ref.name}, {"namespace", ref.namespace_}};
  const json::Object nothing{{"apiVersion", ref.api_version}, {"kind", ref.kind}, {"metadata", metadata}};
  const auto left = SendApply(kind, ref, nothing, manager);
  return left.ok() ? Taken(ref) : left.error();
}

Status KubernetesCluster::LeaveCount(const Kind& kind, const ports::ResourceRef& ref, const json::Value& wanted,
                                     const std::string& manager) {
  ASYA_TRY(const json::Value found, FindOwn(client_, kind, ref, wanted));
  if (!GivesUpCount(found, wanted, manager)) return Ok();
  const auto left = SendApply(kind, ref, CountAlone(found), manager + kInitialSuffix);
  if (left.ok()) return Ok();
  // Nobody has taken the name.
  if (left.error().code == ErrorCode::kConflict) {
    return Fail(ErrorCode::kUnavailable, "it has changed meanwhile; its count is looked at again");
  }
  return left.error();
}

Result<ports::Applied> KubernetesCluster::Apply(const json::Value& object, const std::string& field_manager) {
  ASYA_TRY(const ports::ResourceRef ref, RefOf(object));
  const Kind* kind = FindChildKind(ref);
  if (kind == nullptr) return Invalid("kind", "no actor is rendered into a " + ref.api_version + " " + ref.kind);
  const json::Value wanted = WithOwner(object);
  const MemoryKey key{ref, field_manager};
  const ObjectCache::Object before = children_.Find(ref);
  const bool is_ours = before != nullptr && !OwnerOf(*before).empty() && OwnerOf(*before) == OwnerOf(wanted);
  Memory memory{LabelOf(wanted, kOwnerLabel), Digest(wanted),
                before == nullptr ? std::string() : Digest(Projected(*before, wanted))};
  if (is_ours && IsAsApplied(key, memory)) return ports::Applied{};
  std::string uid = is_ours ? MetadataOf(*before, "uid") : std::string();
  if (!is_ours && !TakeFree(ref)) {
    ASYA_TRY(uid, UidThere(*kind, ref, wanted));
  }
  if (is_ours && GivesUpCount(*before, wanted, field_manager)) {
    ASYA_TRY_STATUS(LeaveCount(*kind, ref, wanted, field_manager));
  }
  const ports::Drift drift = DriftOf(key, memory, !uid.empty());
  json::Value sent = wanted;
  // Should somebody else have put an object of their own there in the meantime, it is a conflict.
  if (!uid.empty()) sent["metadata"]["uid"] = uid;
  auto applied =
      uid.empty() ? SendFirst(*kind, ref, sent, field_manager) : SendApply(*kind, ref, std::move(sent), field_manager);
  if (!applied.ok()) return applied.error();
  if (const json::Value shrunk = InitialAlone(*applied, field_manager); !shrunk.IsNull()) {
    auto given_up = SendApply(*kind, ref, shrunk, field_manager + kInitialSuffix);
    // Somebody has changed it since: of that the watch tells, and then it is tried again.
    memory.whole = given_up.ok();
    if (!memory.whole && given_up.error().code != ErrorCode::kConflict) return given_up.error();
    if (memory.whole) *applied = std::move(*given_up);
  }
  // One that is about to go is made anew as if it had not been there.
  const bool goes = applied->FindPath({"metadata", "deletionTimestamp"}) != nullptr;
  if (!goes) {
    memory.seen = Digest(Projected(Shortened(*applied), wanted));
    const std::lock_guard lock(mutex_);
    memories_[key] = memory;
  }
  const bool changed = before == nullptr || VersionOf(*before) != VersionOf(*applied);
  children_.PutWritten(std::move(*applied));
  return ports::Applied{changed, drift};
}

Status KubernetesCluster::Delete(const ports::ResourceRef& ref, const std::string& owner_uid) {
  const Kind* kind = FindChildKind(ref);
  const ObjectCache::Object found = children_.Find(ref);
  if (kind == nullptr || found == nullptr || owner_uid.empty() || OwnerOf(*found) != owner_uid) return Ok();
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(memories_, [&ref](const auto& memory) { return memory.first.first == ref; });
  }
  // The pods of a Deployment end before it does, so that an actor's end can wait for theirs.
  const char* policy = ref.kind == "Deployment" ? "Foreground" : "Background";
  // Somebody may have taken it for themselves since.
  json::Object as_seen{{"uid", MetadataOf(*found, "uid")}, {"resourceVersion", MetadataOf(*found, "resourceVersion")}};
  const json::Object options{{"apiVersion", "v1"},
                             {"kind", "DeleteOptions"},
                             {"propagationPolicy", policy},
                             {"preconditions", std::move(as_seen)}};
  const auto deleted = client_.Send({"DELETE", ObjectPath(*kind, ref), options});
  return deleted.ok() || deleted.error().code == ErrorCode::kNotFound ? Ok() : Status(deleted.error());
}

Result<std::vector<ports::Observed>> KubernetesCluster::Observe(const std::string& owner_uid) {
  ASYA_TRY_STATUS(Ready());
  auto children = children_.OwnedBy(owner_uid);
  for (ports::Observed& child : children) {
    if (child.ref.kind == "Deployment") child.object = WithPods(std::move(child.object), PodsOf(child.ref, true));
  }
  return children;
}

Status KubernetesCluster::Scale(const ports::ResourceRef& deployment, std::int64_t replicas) {
  const Kind* kind = FindChildKind(deployment);
  if (kind == nullptr || kind->name != "Deployment") return Invalid("kind", "only a Deployment is scaled here");
  // While it has yet to come true, whoever counts pods asks again each second.
  if (AskedReplicas(deployment) == replicas) return Ok();
  const json::Object patch{{"spec", json::Object{{"replicas", replicas}}}};
  const auto scaled = client_.Send(
      {"PATCH", ObjectPath(*kind, deployment) + "/scale", patch, kMergePatch, kCallDeadline, Priority::kUrgent});
  return scaled.ok() ? Ok() : Status(scaled.error());
}

Result<std::vector<ports::Replica>> KubernetesCluster::Replicas(const ports::ResourceRef& deployment) {
  ASYA_TRY_STATUS(Ready());
  std::vector<ports::Replica> replicas = PodsOf(deployment, false);
  if (const auto asked = AskedReplicas(deployment)) DrainBeyond(*asked, replicas);
  return replicas;
}

std::optional<std::int64_t> KubernetesCluster::AskedReplicas(const ports::ResourceRef& deployment) const {
  const ObjectCache::Object found = children_.Find(deployment);
  const json::Value* spec = found == nullptr ? nullptr : found->Find("spec");
  return spec == nullptr ? std::nullopt : spec->GetInt("replicas");
}

std::vector<ports::Replica> KubernetesCluster::PodsOf(const ports::ResourceRef& deployment, bool ended) const {
  std::vector<ports::Replica> replicas;
  for (const auto& pod : pods_.OwnedBy(Text(deployment))) {
    if (!ended && HasEnded(pod.object)) continue;
    replicas.push_back(ReplicaOf(pod.object));
    replicas.back().in_flight = InFlightOf(pod.object, clock_.Now());
  }
  return replicas;
}

Result<bool> KubernetesCluster::NoteLoad(const std::string& namespace_, const std::string& pod,
                                         std::int64_t in_flight) {
  ASYA_TRY_STATUS(Ready());
  const ports::ResourceRef ref{PodKind().api_version, PodKind().name, namespace_, pod};
  const ObjectCache::Object found = pods_.Find(ref);
  if (found == nullptr) return false;
  json::Value patch = LoadPatch(*found, in_flight, clock_.Now());
  if (patch.IsNull()) return false;
  // By its status, of which a patch may not touch what the pod runs: the right to no more is needed.
  auto written = client_.Send({"PATCH", ObjectPath(PodKind(), ref) + "/status", std::move(patch), kMergePatch});
  // It has gone since, or there is another one of its name, which tells of itself.
  const bool is_gone = !written.ok() && (written.error().code == ErrorCode::kNotFound ||
                                         written.error().code == ErrorCode::kInvalid);  // of another uid
  if (is_gone) return false;
  if (!written.ok()) return written.error();
  pods_.PutWritten(std::move(*written));
  return true;
}

std::shared_ptr<void> KubernetesCluster::Subscribe(std::function<void(const std::string&)> on_change) {
  return subscribers_.Add(std::move(on_change));
}

}  // namespace asya::cluster::kubernetes
