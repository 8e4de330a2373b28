#include "cluster/local/deployment.h"

#include <algorithm>
#include <array>
#include <utility>

#include "cluster/local/rollout.h"

namespace asya::cluster::local {
namespace {

json::Value Condition(const std::string& type, bool holds, const std::string& reason, const std::string& message,
                      const json::Value* before, WallTime now) {
  json::Value condition;
  condition["type"] = type;
  condition["status"] = holds ? "True" : "False";
  condition["reason"] = reason;
  condition["message"] = message;
  condition["lastTransitionTime"] = FormatRfc3339(now);
  const json::Value* list = before == nullptr ? nullptr : before->Find("conditions");
  if (list == nullptr) return condition;
  for (const auto& old : list->AsArray()) {
    if (old.GetString("type") == type && old.GetString("status") == condition.GetString("status")) {
      condition["lastTransitionTime"] = old.GetString("lastTransitionTime").value_or("");
    }
  }
  return condition;
}

std::string FirstMessage(const DeploymentView& view) {
  if (!view.problem.empty()) return view.problem;
  for (const auto& replica : view.replicas) {
    if (!replica.ready && !replica.draining) return replica.name + ": " + replica.message;
  }
  return "";
}

}  // namespace

json::Value DeploymentStatus(const DeploymentView& view, std::int64_t generation, const json::Value* before,
                             WallTime now) {
  const auto serves = [](const ports::Replica& replica) { return replica.ready; };
  const auto stays = [](const ports::Replica& replica) { return !replica.draining; };
  const std::int64_t ready = std::ranges::count_if(view.replicas, serves);
  const std::int64_t staying = std::ranges::count_if(view.replicas, stays);
  const bool failing = !view.problem.empty() || view.failing > 0;
  const std::string message = FirstMessage(view);
  json::Value status;
  status["observedGeneration"] = generation;
  status["replicas"] = staying;
  status["readyReplicas"] = ready;
  status["availableReplicas"] = ready;
  status["updatedReplicas"] = view.updated;
  status["unavailableReplicas"] = std::max<std::int64_t>(view.desired - ready, 0);
  const bool available = ready >= view.desired && view.problem.empty();
  json::Array conditions;
  conditions.push_back(Condition("Available", available,
                                 available ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
                                 available ? "" : message, before, now));
  conditions.push_back(Condition("ReplicaFailure", failing, failing ? "ReplicasFail" : "NoFailure",
                                 failing ? message : "", before, now));
  status["conditions"] = std::move(conditions);
  return status;
}

Deployment::Deployment(const Deps& deps, ports::ResourceRef ref, std::function<void(bool)> on_change)
    : deps_(deps), ref_(std::move(ref)), on_change_(std::move(on_change)) {}

Deployment::~Deployment() {
  deps_.loop.Cancel(retry_);
  deps_.loop.Cancel(converge_);
  if (!source_dir_.empty()) deps_.sources.Remove(source_dir_);
}

void Deployment::Want(const json::Value& object) {
  const json::Value* spec = object.Find("spec");
  desired_ = spec == nullptr ? 1 : std::max<std::int64_t>(spec->GetInt("replicas").value_or(1), 0);
  auto plan = PlanPod(object, deps_.settings);
  if (plan.ok()) {
    problem_.clear();
    plan_ = std::move(*plan);
    if (plan_->source_dir != source_dir_) {
      if (!plan_->source_dir.empty()) deps_.sources.Add(plan_->source_dir);
      if (!source_dir_.empty()) deps_.sources.Remove(source_dir_);
      source_dir_ = plan_->source_dir;
    }
  } else {
    problem_ = plan.error().field + " " + plan.error().message;
  }
  Converge();
}

void Deployment::DrainAll() {
  desired_ = 0;
  Converge();
}

void Deployment::GiveUp() {
  for (const auto& [id, replica] : replicas_) replica->GiveUp();
}

void Deployment::Converge() {
  if (!plan_) {
    on_change_(false);
    return;
  }
  std::vector<ReplicaFacts> facts;
  const WallTime now = deps_.clock.Now();
  for (const auto& [id, replica] : replicas_) {
    const ports::Replica view = replica->View();
    if (view.draining) continue;
    const bool current = replica->plan().template_text == plan_->template_text;
    facts.push_back(ReplicaFacts{id, current, view.ready, view.in_flight, (now - view.started_at).count()});
  }
  const RolloutStep step = PlanRollout(facts, desired_);
  for (std::int64_t i = 0; i < step.start; ++i) StartOne();
  for (const auto& id : step.drain) replicas_.at(id)->Drain();
  // At rest the plan is only memory; the next Want, which a start needs anyway, brings it again.
  if (Gone()) plan_.reset();
  on_change_(false);
}

void Deployment::StartOne() {
  constexpr std::int64_t kIdLast = 0xFFFFF;
  std::string id;
  do {
    std::array<char, 8> text{};
    std::snprintf(text.data(), text.size(), "%05x", static_cast<unsigned>(deps_.random.Between(0, kIdLast)));
    id = text.data();
  } while (replicas_.count(id) > 0);
  Replica::Events events{[this](bool only_in_flight) { OnReplicaChange(only_in_flight); },
                         [this, id] {
                           gone_.push_back(id);
                           ConvergeSoon();
                         }};
  auto replica = Replica::Start(Replica::Deps{deps_.loop, deps_.clock, deps_.settings}, ref_, id, *plan_, events);
  if (replica.ok()) {
    problem_.clear();
    fault_.clear();  // from now on the replica tells by itself
    replicas_[id] = std::move(*replica);
    return;
  }
  problem_ = replica.error().message;
  if (retry_ != 0) return;
  retry_ = deps_.loop.After(kStartRetryPause, [this] {
    retry_ = 0;
    Converge();
  });
}

void Deployment::OnReplicaChange(bool only_in_flight) {
  if (only_in_flight) {
    on_change_(true);
    return;
  }
  ConvergeSoon();
}

void Deployment::ConvergeSoon() {
  if (converge_ != 0) return;
  converge_ = deps_.loop.After(std::chrono::microseconds(0), [this] {
    converge_ = 0;
    for (const auto& id : gone_) replicas_.erase(id);
    gone_.clear();
    Converge();
  });
}

void Deployment::Reload(const std::string& source_dir) {
  if (source_dir_ != source_dir) return;
  for (const auto& [id, replica] : replicas_) replica->Reload();
  unseen_ = true;
}

bool Deployment::WantsLook() {
  if (!Gone()) return false;
  return std::exchange(unseen_, false);
}

void Deployment::Looked(const std::string& fault) {
  if (!Gone() || fault == fault_) return;
  fault_ = fault;
  on_change_(false);
}

DeploymentView Deployment::View() const {
  DeploymentView view;
  view.desired = desired_;
  view.problem = problem_.empty() ? fault_ : problem_;
  for (const auto& [id, replica] : replicas_) {
    view.replicas.push_back(replica->View());
    if (replica->Failing()) ++view.failing;
    if (plan_ && replica->plan().template_text == plan_->template_text && !view.replicas.back().draining)
      ++view.updated;
  }
  return view;
}

}  // namespace asya::cluster::local
