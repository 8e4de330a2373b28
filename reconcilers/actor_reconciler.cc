#include "reconcilers/actor_reconciler.h"

#include <algorithm>

#include "model/envelope.h"
#include "model/kinds.h"
#include "model/transport_choice.h"
#include "ports/credentials.h"
#include "ports/resource.h"
#include "reconcilers/apply_problem.h"
#include "reconcilers/desired.h"
#include "reconcilers/keda_status.h"
#include "reconcilers/resolve.h"
#include "reconcilers/scaling_policy.h"

namespace asya::reconcilers {
namespace {

// An error that only a change of some object can end; trying again by itself is no use.
bool NeedsAChange(const Error& error) {
  return error.code == ErrorCode::kNotFound || error.code == ErrorCode::kInvalid || error.code == ErrorCode::kForbidden;
}

// Nobody knows whether a node will come for a pod that has none.
constexpr const char* kUnschedulable = "Unschedulable";

// Between two looks at a queue that has to become empty before an actor moves.
constexpr std::chrono::milliseconds kDrainPoll{1000};

std::string Explain(const Error& error) {
  return error.field.empty() ? error.message : error.field + ": " + error.message;
}

std::int64_t GenerationOf(const json::Value& object) {
  const json::Value* generation = object.FindPath({"metadata", "generation"});
  return generation != nullptr && generation->IsInt() ? generation->AsInt() : 0;
}

bool HasFinalizer(const json::Value& object) {
  const json::Value* finalizers = object.FindPath({"metadata", "finalizers"});
  if (finalizers == nullptr || !finalizers->IsArray()) return false;
  return std::ranges::find(finalizers->AsArray(), json::Value(kFinalizer)) != finalizers->AsArray().end();
}

json::Value WithFinalizer(json::Value object) {
  json::Value& finalizers = object["metadata"]["finalizers"];
  if (!finalizers.IsArray()) finalizers = json::Array{};
  finalizers.AsArray().push_back(kFinalizer);
  return object;
}

bool HasKind(const std::vector<json::Value>& objects, const char* kind) {
  return std::ranges::any_of(objects, [kind](const json::Value& object) { return object.GetString("kind") == kind; });
}

Outcome After(const std::optional<Error>& retry) {
  if (retry) return Failed{*retry};
  return Settled{};
}

}  // namespace

Outcome ActorReconciler::Reconcile(const Key& key) {
  auto actor = objects_.Get(kActors, key.namespace_, key.name);
  if (!actor.ok()) return Failed{actor.error()};
  if (!*actor) {
    world_.scaler.Remove(key.namespace_, key.name);
    ForgetQueue(key);
    return Settled{};
  }
  Stored& stored = **actor;
  if (IsBeingDeleted(stored.object)) return Finalize(stored);
  if (!HasFinalizer(stored.object)) {
    // Before anything is made that would have to be taken away again.
    auto written = objects_.Write(stored, WithFinalizer(stored.object));
    if (!written.ok()) return Failed{written.error()};
    stored = std::move(*written);
  }
  return Converge(stored, "");
}

Outcome ActorReconciler::Converge(const Stored& actor, const std::string& deletion_message) {
  const auto& key = actor.record.key;
  Pass pass;
  ActorFacts& facts = pass.facts;
  facts.generation = GenerationOf(actor.object);
  facts.deleting = IsBeingDeleted(actor.object);
  facts.deletion_message = deletion_message;
  facts.queue_name = model::ActorQueueName(actor.object);
  pass.input.actor = actor.object;
  // Each step needs the ones before it.
  const bool placed = ResolveNames(actor.object, pass) && LeaveOldTransport(actor, pass);
  const std::string left = StatusTransport(actor.object);
  // Who loses sight of the old queue leaves its envelopes for good.
  if (!placed && !left.empty()) facts.transport = left;
  const bool in_sync = placed && ProvideCredentials(key.namespace_, pass) && Render(actor.record.uid, pass) &&
                       EnsureQueue(Key{key.namespace_, key.name}, pass) && ApplyChildren(pass);
  TellRepairs(actor.object, pass);
  if (in_sync) {
    facts.sync = pass.stays.value_or(Part{Truth::kTrue, "Synced", ""});
    Prune(actor.record.uid, pass);
    HandToScaler(Key{key.namespace_, key.name}, pass);
  }
  LookAtResult(actor.record.uid, pass);
  const json::Value* before = actor.object.Find("status");
  const json::Value status = ActorStatus(facts, before, world_.clock.Now());
  const auto written = objects_.WriteStatus(actor, status);
  if (!written.ok()) return Failed{written.error()};
  TellChange(actor.object, status);
  if (in_sync && !left.empty() && left != facts.transport) withdraw_(Key{key.namespace_, left});
  if (!pass.retry && pass.stays) return RequeueAfter{kDrainPoll};
  return After(pass.retry);
}

void ActorReconciler::TellChange(const json::Value& actor, const json::Value& status) {
  const json::Value* before = actor.Find("status");
  const json::Value* was = ports::FindCondition(before, "Ready");
  const json::Value* is = ports::FindCondition(&status, "Ready");
  if (is == nullptr) return;
  const bool is_warning =
      status.GetString("phase") == "Degraded" || is->GetString("reason").value_or("") == kUnschedulable;
  // That a new actor is as it should be is no news.
  if (was == nullptr && !is_warning) return;
  const bool same_reason = was != nullptr && was->GetString("reason") == is->GetString("reason");
  if (same_reason && (!is_warning || was->GetString("message") == is->GetString("message"))) return;
  Recorder().Tell(actor, is_warning, is->GetString("reason").value_or(""), is->GetString("message").value_or(""));
}

bool ActorReconciler::ResolveNames(const json::Value& actor, Pass& pass) {
  const auto waits = [&pass](const Error& error, const char* reason) {
    pass.facts.sync = Part{Truth::kFalse, reason, Explain(error)};
    if (!NeedsAChange(error)) pass.retry = error;
    return false;
  };
  auto transport = ResolveTransport(objects_, actor, settings_.default_transport);
  if (!transport.ok()) {
    const bool is_ambiguous = transport.error().field == model::kSeveralDefaults;
    return waits(transport.error(), is_ambiguous ? "TransportAmbiguous" : "TransportMissing");
  }
  pass.input.transport = std::move(*transport);
  pass.facts.transport = NameOf(pass.input.transport);
  pass.admin = world_.queues.For(pass.input.transport);
  auto flavors = ResolveFlavors(objects_, actor);
  if (!flavors.ok()) return waits(flavors.error(), "FlavorMissing");
  pass.input.flavors = std::move(*flavors);
  for (const auto& flavor : pass.input.flavors) pass.facts.flavors.emplace_back(NameOf(flavor), GenerationOf(flavor));
  return true;
}

bool ActorReconciler::Render(const std::string& uid, Pass& pass) {
  auto observed = world_.cluster.Observe(uid);
  if (!observed.ok()) {
    pass.facts.sync = Part{Truth::kUnknown, "ClusterUnavailable", Explain(observed.error())};
    pass.retry = observed.error();
    return false;
  }
  pass.input.observed = std::move(*observed);
  auto rendered = world_.composer.Compose(pass.input);
  if (!rendered.ok()) {
    pass.facts.sync = Part{Truth::kFalse, "SpecInvalid", Explain(rendered.error())};
    if (!NeedsAChange(rendered.error())) pass.retry = rendered.error();
    return false;
  }
  pass.rendered = std::move(*rendered);
  pass.facts.paused = pass.rendered.effective_spec.GetBool("paused").value_or(false);
  if (!pass.input.observed.empty()) return true;
  const Status may = world_.cluster.MayApply(pass.rendered.objects);
  if (may.ok()) return true;
  pass.facts.sync = ApplyProblem("", may.error());
  pass.retry = may.error();
  return false;
}

bool ActorReconciler::EnsureQueue(const Key& key, Pass& pass) {
  pass.facts.sync = Part{Truth::kFalse, "QueueNotReady", "the queue comes first"};
  if (pass.admin == nullptr) {
    pass.facts.queue = Part{Truth::kFalse, "TransportNotSupported", NotServedHere(pass.input.transport)};
    return false;
  }
  if (HadQueue(key, pass)) {
    const auto stats = pass.admin->Stats(pass.rendered.queue.name);
    if (stats.ok()) pass.stats = *stats;
    pass.queue_was_gone = !stats.ok() && stats.error().code == ErrorCode::kNotFound;
  }
  const auto ensured = pass.admin->Ensure(pass.rendered.queue);
  if (ensured.ok()) {
    RememberQueue(key, pass);
    pass.facts.queue = Part{Truth::kTrue, "QueueExists", ""};
    pass.facts.queue_url = ports::TransportType(pass.input.transport) + ":" + pass.rendered.queue.name;
    return true;
  }
  switch (ensured.error().code) {
    case ErrorCode::kConflict:
      pass.facts.queue = Part{Truth::kFalse, "QueueTaken", Explain(ensured.error())};
      break;
    case ErrorCode::kInvalid:
      pass.facts.queue = Part{Truth::kFalse, "QueueRefused", Explain(ensured.error())};
      break;
    default:
      pass.facts.queue = Part{Truth::kUnknown, "BrokerUnavailable", Explain(ensured.error())};
  }
  pass.retry = ensured.error();
  return false;
}

bool ActorReconciler::ApplyChildren(Pass& pass) {
  for (const DesiredApply& desired : ToApply(pass.rendered, pass.input.observed)) {
    const std::string what = desired.object.GetString("kind").value_or("object") + " " + NameOf(desired.object);
    const auto applied = world_.cluster.Apply(desired.object, desired.field_manager);
    if (!applied.ok()) {
      pass.facts.sync = ApplyProblem(what, applied.error());
      pass.retry = applied.error();
      return false;
    }
    if (applied->repaired != ports::Drift::kNone) pass.repaired.emplace_back(what, applied->repaired);
  }
  return true;
}

void ActorReconciler::Prune(const std::string& uid, const Pass& pass) {
  for (const auto& unwanted : ToDelete(pass.rendered, pass.input.observed)) {
    // One that cannot be deleted now is seen again at the next pass.
    static_cast<void>(world_.cluster.Delete(unwanted, uid).ok());
  }
}

void ActorReconciler::HandToScaler(const Key& key, Pass& pass) {
  const ports::ScalingPolicy policy = ScalingPolicyOf(pass.rendered.effective_spec);
  const auto deployment = std::ranges::find_if(
      pass.rendered.objects, [](const json::Value& object) { return object.GetString("kind") == "Deployment"; });
  const bool is_ours = deployment != pass.rendered.objects.end();
  if (is_ours) {
    world_.scaler.Set(
        ports::ScaledActor{key.namespace_, key.name, pass.rendered.queue.name, RefOf(*deployment), policy});
  } else {
    world_.scaler.Remove(key.namespace_, key.name);
  }
  if (!is_ours && !HasKind(pass.rendered.objects, "ScaledObject")) {
    pass.facts.scaler = Part{Truth::kTrue, "NothingToScale", "the pods belong to somebody else"};
  } else if (policy.enabled) {
    pass.facts.scaler = Part{
        Truth::kTrue, "Scaling",
        "between " + std::to_string(policy.min_replicas) + " and " + std::to_string(policy.max_replicas) + " replicas"};
  } else {
    pass.facts.scaler = Part{Truth::kTrue, "Fixed", "spec.replicas is " + std::to_string(policy.fixed_replicas)};
  }
}

std::optional<ports::BoundCount> ActorReconciler::BoundTo(const json::Value& actor) const {
  if (world_.bound_pods == nullptr) return std::nullopt;
  return world_.bound_pods->Count(ports::MetadataOf(actor, "namespace"), model::ActorIdentity(actor));
}

void ActorReconciler::LookAtResult(const std::string& uid, Pass& pass) {
  auto children = world_.cluster.Observe(uid);
  if (children.ok()) {
    pass.facts.workload = ReadWorkload(*children);
  } else {
    pass.facts.workload.part = Part{Truth::kUnknown, "ClusterUnavailable", Explain(children.error())};
    pass.retry = children.error();
  }
  if (children.ok() && settings_.keda_scales && pass.facts.scaler.ready == Truth::kTrue &&
      HasKind(pass.rendered.objects, "ScaledObject")) {
    if (auto trouble = KedaTrouble(*children, pass.facts.paused)) pass.facts.scaler = std::move(*trouble);
  }
  if (!HasKind(pass.rendered.objects, "Deployment") && pass.facts.sync.ready == Truth::kTrue) {
    pass.facts.workload = ExternalWorkload(BoundTo(pass.input.actor), HasKind(pass.rendered.objects, "ScaledObject"));
  }
  if (pass.admin == nullptr || pass.facts.queue.ready != Truth::kTrue) return;
  const auto stats = pass.stats ? Result<ports::QueueStats>(*pass.stats) : pass.admin->Stats(pass.facts.queue_name);
  if (stats.ok()) {
    pass.facts.waiting = stats->visible + stats->delayed;
  } else {
    pass.retry = stats.error();
  }
}

}  // namespace asya::reconcilers
