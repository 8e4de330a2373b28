#include "reconcilers/actor_status.h"

namespace asya::reconcilers {
namespace {

struct Summary {
  const char* phase;
  Condition ready;
};

Condition ReadyCondition(Truth truth, std::string reason, std::string message) {
  return Condition{"Ready", truth, std::move(reason), std::move(message)};
}

std::string ReadyCount(const Workload& workload) {
  return std::to_string(workload.ready_replicas) + " of " + std::to_string(workload.desired) + " replicas are ready";
}

// The first part that is not as it should be, if any.
const Part* Broken(const ActorFacts& facts) {
  for (const Part* part : {&facts.sync, &facts.queue}) {
    if (part->ready != Truth::kTrue) return part;
  }
  return nullptr;
}

bool NothingRuns(const Workload& workload) {
  return workload.desired == 0 && workload.ready_replicas == 0 && !workload.uncounted;
}

Summary Summarise(const ActorFacts& facts) {
  const Workload& workload = facts.workload;
  if (facts.deleting) {
    return {"Terminating", ReadyCondition(Truth::kFalse, "Terminating", facts.deletion_message)};
  }
  if (const Part* broken = Broken(facts)) {
    return {"Degraded", ReadyCondition(Truth::kFalse, broken->reason, broken->message)};
  }
  if (facts.paused) {
    return {"Paused", ReadyCondition(Truth::kTrue, "Paused", "spec.paused is true: envelopes wait in the queue")};
  }
  if (workload.failing) {
    const Truth truth = workload.ready_replicas > 0 ? Truth::kTrue : Truth::kFalse;
    return {"Degraded", ReadyCondition(truth, workload.part.reason, workload.part.message)};
  }
  if (workload.part.ready == Truth::kUnknown || workload.awaited) {
    return {"Creating", ReadyCondition(Truth::kFalse, workload.part.reason, workload.part.message)};
  }
  // Replicas that run go on without a scaler; the first one does not come without it.
  if (NothingRuns(workload) && facts.scaler.ready != Truth::kTrue) {
    const char* phase = facts.scaler.ready == Truth::kFalse ? "Degraded" : "Creating";
    return {phase, ReadyCondition(Truth::kFalse, facts.scaler.reason, facts.scaler.message)};
  }
  if (workload.uncounted) {
    return {"Ready", ReadyCondition(Truth::kTrue, workload.part.reason, workload.part.message)};
  }
  if (workload.desired == 0) {
    return {"Napping", ReadyCondition(Truth::kTrue, "Napping", "no replica runs; the next envelope starts one")};
  }
  if (workload.ready_replicas > 0) {
    return {"Ready", ReadyCondition(Truth::kTrue, "Ready", ReadyCount(workload))};
  }
  return {"Creating", ReadyCondition(Truth::kFalse, workload.part.reason, workload.part.message)};
}

json::Value PartStatus(const Part& part) {
  json::Value status;
  status["ready"] = part.ready == Truth::kTrue;
  status["message"] = part.message;
  return status;
}

std::string SelectorText(const json::Value& deployment) {
  std::string text;
  const json::Value* labels = deployment.FindPath({"spec", "selector", "matchLabels"});
  if (labels == nullptr || !labels->IsObject()) return text;
  for (const auto& [name, value] : labels->AsObject()) {
    if (!value.IsString()) continue;
    text += (text.empty() ? "" : ",") + name + "=" + value.AsString();
  }
  return text;
}

Workload ReadDeployment(const json::Value& deployment) {
  Workload workload;
  workload.selector = SelectorText(deployment);
  const json::Value* spec = deployment.Find("spec");
  workload.desired = spec == nullptr ? 1 : spec->GetInt("replicas").value_or(1);
  const json::Value* status = deployment.Find("status");
  if (status == nullptr) {
    workload.part.message = "the workload has not been seen yet";
    return workload;
  }
  workload.replicas = status->GetInt("replicas").value_or(0);
  workload.ready_replicas = status->GetInt("readyReplicas").value_or(0);
  const json::Value* failure = ports::FindCondition(status, "ReplicaFailure");
  const json::Value* available = ports::FindCondition(status, "Available");
  workload.failing = failure != nullptr && failure->GetString("status") == "True";
  if (workload.failing) {
    const std::string reason = failure->GetString("reason").value_or("");
    workload.part =
        Part{Truth::kFalse, reason.empty() ? "ReplicasFail" : reason, failure->GetString("message").value_or("")};
  } else if (workload.ready_replicas >= workload.desired) {
    workload.part = Part{Truth::kTrue, workload.desired == 0 ? "Napping" : "ReplicasReady", ReadyCount(workload)};
  } else {
    const std::string why = available == nullptr ? "" : available->GetString("message").value_or("");
    const std::string reason = available == nullptr ? "" : available->GetString("reason").value_or("");
    // Of a Deployment itself nobody learns more than that there are too few.
    const bool tells = !reason.empty() && !reason.starts_with("MinimumReplicas");
    workload.part = Part{Truth::kFalse, tells ? reason : "Starting", why.empty() ? ReadyCount(workload) : why};
  }
  return workload;
}

json::Value Infrastructure(const ActorFacts& facts) {
  json::Value infrastructure;
  infrastructure["queue"] = PartStatus(facts.queue);
  if (facts.waiting) infrastructure["queue"]["waiting"] = *facts.waiting;
  infrastructure["keda"] = PartStatus(facts.scaler);
  infrastructure["workload"] = PartStatus(facts.workload.part);
  infrastructure["workload"]["replicas"] = facts.workload.replicas;
  infrastructure["workload"]["readyReplicas"] = facts.workload.ready_replicas;
  return infrastructure;
}

}  // namespace

Workload ExternalWorkload(const std::optional<ports::BoundCount>& count, bool scaled) {
  Workload workload;
  workload.uncounted = !count;
  if (!count) {
    workload.part = Part{Truth::kTrue, "External", "the pods belong to somebody else, and nobody counts them here"};
    return workload;
  }
  workload.desired = workload.replicas = static_cast<std::int64_t>(count->pods);
  workload.ready_replicas = static_cast<std::int64_t>(count->ready);
  workload.awaited = count->pods == 0 && !scaled;
  workload.failing = count->without_relay > 0;
  if (workload.failing) {
    workload.part = Part{Truth::kFalse, "PodsWithoutRelay",
                         std::to_string(count->without_relay) + " of " + std::to_string(count->pods) +
                             " pods that ask for the relay have none and get no work: they were made while no webhook "
                             "put it in; their Events say what becomes of them"};
  } else if (workload.awaited) {
    workload.part = Part{Truth::kFalse, "AwaitingPods",
                         "no pod of the workload is there yet; those with the labels asya.sh/inject: \"true\" and "
                         "asya.sh/actor: NAME are bound to this actor when they are made"};
  } else if (workload.ready_replicas >= workload.desired) {
    workload.part = Part{Truth::kTrue, "External", ReadyCount(workload) + "; the pods belong to somebody else"};
  } else {
    workload.part = Part{Truth::kFalse, "Starting", ReadyCount(workload) + "; the pods belong to somebody else"};
  }
  return workload;
}

Workload ReadWorkload(const std::vector<ports::Observed>& children) {
  for (const auto& child : children) {
    if (child.ref.kind == "Deployment") return ReadDeployment(child.object);
  }
  Workload workload;
  workload.part.message = "the workload has not been made yet";
  return workload;
}

json::Value ActorStatus(const ActorFacts& facts, const json::Value* before, WallTime now) {
  const Summary summary = Summarise(facts);
  Conditions conditions(before, facts.generation, now);
  conditions.Add(summary.ready);
  conditions.Add(Condition{"Synced", facts.sync.ready, facts.sync.reason, facts.sync.message});
  conditions.Add(Condition{"QueueReady", facts.queue.ready, facts.queue.reason, facts.queue.message});
  conditions.Add(Condition{"ScalerReady", facts.scaler.ready, facts.scaler.reason, facts.scaler.message});
  const Part& workload = facts.workload.part;
  conditions.Add(Condition{"WorkloadReady", workload.ready, workload.reason, workload.message});
  json::Value status;
  status["phase"] = summary.phase;
  status["observedGeneration"] = facts.generation;
  status["conditions"] = conditions.Take();
  status["infrastructure"] = Infrastructure(facts);
  if (!facts.queue_name.empty()) status["queueIdentifier"] = facts.queue_name;
  if (!facts.queue_url.empty()) status["queueUrl"] = facts.queue_url;
  if (!facts.transport.empty()) status["transport"] = facts.transport;
  if (!facts.workload.selector.empty()) status["selector"] = facts.workload.selector;
  json::Array flavors;
  for (const auto& [name, generation] : facts.flavors) {
    flavors.push_back(json::Object{{"name", name}, {"generation", generation}});
  }
  if (!flavors.empty()) status["flavors"] = std::move(flavors);
  return status;
}

}  // namespace asya::reconcilers
