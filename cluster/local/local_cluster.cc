#include "cluster/local/local_cluster.h"

#include <algorithm>

#include "core/json/parse.h"

namespace asya::cluster::local {
namespace {

constexpr const char* kScaleManager = "asya-scale";

bool IsDeployment(const ports::ResourceRef& ref) { return ref.kind == "Deployment" && ref.api_version == "apps/v1"; }

Error NoSuchDeployment(const ports::ResourceRef& ref) {
  return Fail(ErrorCode::kNotFound, "there is no Deployment " + ref.namespace_ + "/" + ref.name);
}

}  // namespace

LocalCluster::LocalCluster(LocalSettings settings, const Clock& clock, const observe::Logger& log)
    : settings_(std::move(settings)),
      clock_(clock),
      log_(log.For("cluster")),
      random_(SystemSeed()),
      loop_(clock),
      sources_(loop_, [this](const std::string& source_dir) { OnSourceChange(source_dir); }),
      look_(loop_, settings_, [this](const ports::ResourceRef& ref, const std::string& fault) {
        const auto found = deployments_.find(ref);
        if (found != deployments_.end()) found->second->Looked(fault);
      }) {}

LocalCluster::~LocalCluster() { Stop(); }

Status LocalCluster::Start() {
  ASYA_TRY_STATUS(CheckRunDir(settings_.run_dir));
  const std::size_t stale = RemoveStalePods(settings_.run_dir);
  if (stale > 0) log_.Info("removed what an earlier server left", {{"pods", stale}});
  ASYA_TRY_STATUS(loop_.Start());
  const std::lock_guard lock(mutex_);
  running_ = true;
  return Ok();
}

void LocalCluster::Stop() {
  {
    std::unique_lock lock(mutex_);
    if (!running_) return;
    running_ = false;
    for (const auto& [ref, shown] : shown_) loop_.Post([this, target = ref] { DrainAll(target); });
    const auto gone = [this] {
      return std::ranges::all_of(shown_, [](const auto& entry) { return entry.second.gone; });
    };
    if (!all_gone_.wait_for(lock, settings_.stop_grace, gone)) {
      loop_.Post([this] {
        for (const auto& [ref, deployment] : deployments_) deployment->GiveUp();
      });
      all_gone_.wait_for(lock, settings_.give_up_time, gone);
    }
  }
  loop_.Stop();
  deployments_.clear();  // kills what did not leave in time
}

Result<ports::Applied> LocalCluster::Apply(const json::Value& object, const std::string& field_manager) {
  const std::lock_guard lock(mutex_);
  return ApplyLocked(object, field_manager);
}

Result<ports::Applied> LocalCluster::ApplyLocked(const json::Value& object, const std::string& field_manager) {
  ASYA_TRY(const auto ref, ports::RefOf(object));
  if (!running_) return Fail(ErrorCode::kUnavailable, "the local cluster is not running");
  ASYA_TRY(auto applied, objects_.Apply(object, field_manager, clock_.Now()));
  AppliedObjects::Entry& entry = *objects_.Find(ref);
  if (entry.deleting) {
    entry.deleting = false;
    applied.changed = true;
  }
  if (!applied.changed) return applied;
  if (IsDeployment(ref)) {
    shown_[ref].gone = false;
    loop_.Post([this, ref] { Want(ref); });
  }
  loop_.Post([this, owner = entry.owner] { subscribers_.Call(owner); });
  return applied;
}

Status LocalCluster::Delete(const ports::ResourceRef& ref, const std::string& owner_uid) {
  const std::lock_guard lock(mutex_);
  AppliedObjects::Entry* entry = objects_.Find(ref);
  if (entry == nullptr || entry->deleting || entry->owner != owner_uid) return Ok();
  loop_.Post([this, owner = entry->owner] { subscribers_.Call(owner); });
  if (IsDeployment(ref)) {
    entry->deleting = true;
    loop_.Post([this, ref] { DrainAll(ref); });
  } else {
    objects_.Erase(ref);
  }
  return Ok();
}

Result<std::vector<ports::Observed>> LocalCluster::Observe(const std::string& owner_uid) {
  const std::lock_guard lock(mutex_);
  std::vector<ports::Observed> observed;
  for (const auto& ref : objects_.OwnedBy(owner_uid)) {
    const AppliedObjects::Entry& entry = *objects_.Find(ref);
    ports::Observed child{ref, objects_.Object(ref)};
    if (entry.deleting) child.object["metadata"]["deletionTimestamp"] = FormatRfc3339(clock_.Now());
    const auto shown = shown_.find(ref);
    if (shown != shown_.end() && !shown->second.status.empty()) {
      child.object["status"] = json::Parse(shown->second.status).value();
    }
    observed.push_back(std::move(child));
  }
  return observed;
}

Status LocalCluster::Scale(const ports::ResourceRef& deployment, std::int64_t replicas) {
  const std::lock_guard lock(mutex_);
  const AppliedObjects::Entry* entry = objects_.Find(deployment);
  if (entry == nullptr || entry->deleting) return NoSuchDeployment(deployment);
  json::Value object;
  object["apiVersion"] = deployment.api_version;
  object["kind"] = deployment.kind;
  object["metadata"]["name"] = deployment.name;
  if (!deployment.namespace_.empty()) object["metadata"]["namespace"] = deployment.namespace_;
  object["spec"]["replicas"] = replicas;
  const auto applied = ApplyLocked(object, kScaleManager);
  return applied.ok() ? Ok() : Status(applied.error());
}

Result<std::vector<ports::Replica>> LocalCluster::Replicas(const ports::ResourceRef& deployment) {
  const std::lock_guard lock(mutex_);
  if (objects_.Find(deployment) == nullptr) return NoSuchDeployment(deployment);
  const auto shown = shown_.find(deployment);
  return shown == shown_.end() ? std::vector<ports::Replica>{} : shown->second.view.replicas;
}

Result<std::vector<ports::Observed>> LocalCluster::Children(const std::string& /*namespace_*/,
                                                            const std::string& owner_uid) {
  return Observe(owner_uid);
}

Result<ports::TriedApply> LocalCluster::Try(const json::Value& object, const std::string& field_manager) {
  const std::lock_guard lock(mutex_);
  return objects_.Try(object, field_manager);
}

std::shared_ptr<void> LocalCluster::Subscribe(std::function<void(const std::string&)> on_change) {
  return subscribers_.Add(std::move(on_change));
}

void LocalCluster::Want(const ports::ResourceRef& ref) {
  json::Value object;
  {
    const std::lock_guard lock(mutex_);
    const AppliedObjects::Entry* entry = objects_.Find(ref);
    if (entry == nullptr || entry->deleting || !running_) return;
    object = objects_.Object(ref);
  }
  auto& deployment = deployments_[ref];
  if (!deployment) {
    const Deployment::Deps deps{loop_, clock_, settings_, sources_, random_};
    deployment = std::make_unique<Deployment>(
        deps, ref, [this, ref](bool only_in_flight) { OnDeploymentChange(ref, only_in_flight); });
  }
  const bool had_fault = deployment->HasFault();
  deployment->Want(object);
  if (had_fault && deployment->Gone()) LookAt({ref});
}

void LocalCluster::DrainAll(const ports::ResourceRef& ref) {
  const auto found = deployments_.find(ref);
  if (found != deployments_.end()) {
    found->second->DrainAll();
    return;
  }
  OnDeploymentChange(ref, false);
}

void LocalCluster::OnDeploymentChange(const ports::ResourceRef& ref, bool only_in_flight) {
  const auto found = deployments_.find(ref);
  const DeploymentView view = found == deployments_.end() ? DeploymentView{} : found->second->View();
  const bool gone = found == deployments_.end() || found->second->Gone();
  if (found != deployments_.end() && found->second->WantsLook()) loop_.Post([this, ref] { LookAt({ref}); });
  std::string owner;
  {
    const std::lock_guard lock(mutex_);
    AppliedObjects::Entry* entry = objects_.Find(ref);
    if (entry == nullptr) return;
    Shown& shown = shown_[ref];
    shown.view = view;
    shown.gone = gone;
    if (gone && !running_) all_gone_.notify_all();
    if (only_in_flight) return;
    owner = entry->owner;
    if (gone && entry->deleting) {
      objects_.Erase(ref);
      shown_.erase(ref);
      loop_.Post([this, ref] { DestroyIfErased(ref); });
    } else {
      const json::Value before = shown.status.empty() ? json::Value() : json::Parse(shown.status).value();
      const json::Value status = DeploymentStatus(view, entry->generation, &before, clock_.Now());
      if (status == before) return;
      shown.status = json::Dump(status);
    }
  }
  subscribers_.Call(owner);
}

void LocalCluster::DestroyIfErased(const ports::ResourceRef& ref) {
  {
    const std::lock_guard lock(mutex_);
    if (objects_.Find(ref) != nullptr) return;
  }
  deployments_.erase(ref);
}

void LocalCluster::OnSourceChange(const std::string& source_dir) {
  std::vector<ports::ResourceRef> unseen;
  for (const auto& [ref, deployment] : deployments_) {
    deployment->Reload(source_dir);
    if (deployment->WantsLook()) unseen.push_back(ref);
  }
  LookAt(unseen);
}

void LocalCluster::LookAt(const std::vector<ports::ResourceRef>& refs) {
  for (const auto& ref : refs) {
    const std::lock_guard lock(mutex_);
    const AppliedObjects::Entry* entry = objects_.Find(ref);
    if (entry == nullptr || entry->deleting || !running_) continue;
    const auto plan = PlanPod(objects_.Object(ref), settings_);
    if (plan.ok()) look_.Add(ref, *plan);
  }
  look_.Ask();
}

}  // namespace asya::cluster::local
