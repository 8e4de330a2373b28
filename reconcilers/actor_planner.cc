#include "reconcilers/actor_planner.h"

#include <algorithm>
#include <map>
#include <utility>

#include "core/base/random.h"
#include "model/kinds.h"
#include "ports/credentials.h"
#include "reconcilers/crew_reconciler.h"
#include "reconcilers/desired.h"
#include "reconcilers/objects.h"
#include "reconcilers/own_queue.h"
#include "reconcilers/planned_content.h"
#include "reconcilers/planned_store.h"
#include "reconcilers/resolve.h"

namespace asya::reconcilers {
namespace {

using Action = ports::PlannedChange::Action;

std::string NamespaceOf(const json::Value& object) {
  const json::Value* metadata = object.Find("metadata");
  return metadata == nullptr ? "" : metadata->GetString("namespace").value_or("");
}

std::string Title(const json::Value& actor) { return NamespaceOf(actor) + "/" + NameOf(actor); }

bool SameSpec(const json::Value& a, const json::Value& b) {
  const json::Value* one = a.Find("spec");
  const json::Value* other = b.Find("spec");
  return one == nullptr || other == nullptr ? one == other : *one == *other;
}

std::string Explain(const Error& error) {
  return error.field.empty() || error.message.starts_with(error.field) ? error.message
                                                                       : error.field + ": " + error.message;
}

// That its pods have now: a plan makes no Secret, and a change of one is nothing that a manifest brings.
std::string CredentialsVersionOf(const std::vector<ports::Observed>& observed) {
  for (const ports::Observed& child : observed) {
    if (child.ref.kind != "Deployment") continue;
    const json::Value* version =
        child.object.FindPath({"spec", "template", "metadata", "annotations", ports::kCredentialsVersionAnnotation});
    if (version != nullptr && version->IsString()) return version->AsString();
  }
  return {};
}

}  // namespace

// One plan.
class ActorPlanner::Pass {
 public:
  Pass(const Parts& parts, const ReconcilerSettings& settings)
      : parts_(parts),
        settings_(settings),
        planned_(parts.store),
        stored_(parts.store, parts.clock),
        objects_(planned_, parts.clock) {}

  Result<ports::Plan> Make(const std::vector<ports::PlannedWrite>& writes) {
    for (const auto& write : writes) planned_.Put(write);
    for (const auto& write : writes) TellWrite(write);
    ASYA_TRY_STATUS(AddCrew(writes));
    ASYA_TRY_STATUS(AddRenderedAnew(writes));
    PlanActors();
    return std::move(plan_);
  }

 private:
  struct Target {
    std::optional<json::Value> before;
    json::Value actor;
  };

  void TellWrite(const ports::PlannedWrite& write) {
    const auto* kind = model::FindKind(write.resource);
    ports::PlannedChange change;
    change.ref = RefOf(write.after);
    if (kind != nullptr) change.ref.kind = kind->kind;
    change.action = write.before ? Action::kUpdate : Action::kCreate;
    change.fields = ChangesOf(write);
    if (!write.before || !change.fields.empty()) plan_.changes.push_back(std::move(change));
    if (write.resource == kActors) targets_.push_back({write.before, write.after});
  }

  // What every namespace with actors has beside them.
  Status AddCrew(const std::vector<ports::PlannedWrite>& writes) {
    std::set<std::string> namespaces;
    for (const auto& write : writes) {
      if (write.resource == kActors && !IsSystem(write.after)) namespaces.insert(NamespaceOf(write.after));
    }
    for (const std::string& name : namespaces) {
      ASYA_TRY(const auto transport, CommonTransport(name));
      for (const json::Value& desired : CrewOf(settings_, name, transport)) {
        ASYA_TRY(const auto stored, objects_.Get(kActors, name, NameOf(desired)));
        if (stored && (!IsSystem(stored->object) || IsBeingDeleted(stored->object))) continue;
        ports::PlannedWrite write{kActors, std::nullopt, desired};
        if (stored) {
          write.before = stored->object;
          write.after = Refreshed(stored->object, desired, parts_.clock.Now());
          if (write.after == *write.before) continue;
        } else {
          write.after["metadata"]["uid"] = NewUuid();
        }
        planned_.Put(write);
        TellWrite(write);
      }
    }
    return Ok();
  }

  // As ActorIndex::CommonTransport.
  Result<std::optional<std::string>> CommonTransport(const std::string& namespace_) {
    ASYA_TRY(const auto actors, objects_.List(kActors, namespace_));
    std::set<std::string> names;
    for (const auto& actor : actors) {
      if (IsSystem(actor.object)) continue;
      const json::Value* spec = actor.object.Find("spec");
      names.insert(spec == nullptr ? "" : spec->GetString("transport").value_or(""));
    }
    if (names.size() != 1 || names.begin()->empty()) return std::optional<std::string>();
    return std::optional(*names.begin());
  }

  // Those that use what is written, and are not written themselves.
  Status AddRenderedAnew(const std::vector<ports::PlannedWrite>& writes) {
    std::set<std::string> flavors;
    std::set<std::string> transports;
    for (const auto& write : writes) {
      if (write.before && SameSpec(*write.before, write.after)) continue;
      if (write.resource == kFlavors) flavors.insert(NameOf(write.after));
      if (write.resource == kTransports) transports.insert(NameOf(write.after));
    }
    if (flavors.empty() && transports.empty()) return Ok();
    std::set<std::string> written;
    for (const auto& target : targets_) written.insert(Title(target.actor));
    ASYA_TRY(auto actors, objects_.List(kActors, std::nullopt));
    for (auto& actor : actors) {
      if (IsBeingDeleted(actor.object) || written.contains(Title(actor.object))) continue;
      ASYA_TRY(const std::string because, WhyAnew(actor.object, flavors, transports));
      if (because.empty()) continue;
      plan_.rendered_anew.push_back({Title(actor.object), because});
      targets_.push_back({actor.object, std::move(actor.object)});
    }
    return Ok();
  }

  // Empty where nothing that the actor uses is among them.
  Result<std::string> WhyAnew(const json::Value& actor, const std::set<std::string>& flavors,
                              const std::set<std::string>& transports) {
    const json::Value* used = actor.FindPath({"spec", "flavors"});
    if (used != nullptr && used->IsArray()) {
      for (const json::Value& name : used->AsArray()) {
        if (name.IsString() && flavors.contains(name.AsString())) return "Flavor " + name.AsString();
      }
    }
    if (transports.empty()) return std::string();
    const json::Value* spec = actor.Find("spec");
    if (spec != nullptr && spec->GetString("transport")) {
      const std::string name = *spec->GetString("transport");
      return transports.contains(name) ? "Transport " + name : std::string();
    }
    // It runs on the default one, which may have become, or been, another.
    const auto will = ResolveTransport(objects_, actor, settings_.default_transport);
    const auto was = ResolveTransport(stored_, actor, settings_.default_transport);
    for (const auto* one : {&will, &was}) {
      if (one->ok() && transports.contains(NameOf(**one))) return "Transport " + NameOf(**one);
      if (!one->ok() && one->error().code != ErrorCode::kNotFound) return one->error();
    }
    return std::string();
  }

  void PlanActors() {
    const SteadyTime until = parts_.clock.Steady() + kTimeMax;
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      if (i == kActorsTriedMax || parts_.clock.Steady() > until) {
        plan_.problems.push_back({"", std::to_string(targets_.size() - i) + " more actors were not looked at, from " +
                                          Title(targets_[i].actor) + " on; plan fewer objects at a time"});
        return;
      }
      if (IsBeingDeleted(targets_[i].actor)) {
        Problem(targets_[i].actor, "it is being deleted");
      } else if (const Status planned = PlanActor(targets_[i]); !planned.ok()) {
        Problem(targets_[i].actor, Explain(planned.error()));
      }
    }
  }

  Status PlanActor(const Target& target) {
    ports::ComposeInput input;
    input.actor = target.actor;
    ASYA_TRY(input.transport, ResolveTransport(objects_, target.actor, settings_.default_transport));
    ASYA_TRY(input.flavors, ResolveFlavors(objects_, target.actor));
    const json::Value* uid = target.actor.FindPath({"metadata", "uid"});
    if (target.before && uid != nullptr && uid->IsString()) {
      ASYA_TRY(input.observed, parts_.cluster.Children(NamespaceOf(target.actor), uid->AsString()));
    }
    input.credentials_version = CredentialsVersionOf(input.observed);
    ASYA_TRY(const ports::RenderedSet rendered, parts_.composer.Compose(input));
    ASYA_TRY_STATUS(PlanQueue(target, input.transport, rendered.queue.name));
    if (target.before) PlanScaler(target, rendered.effective_spec);
    TryChildren(target.actor, rendered, input.observed);
    for (const auto& unwanted : ToDelete(rendered, input.observed)) Add(Action::kDelete, unwanted, target.actor);
    return Ok();
  }

  // One that is refused does not hide what becomes of the others.
  void TryChildren(const json::Value& actor, const ports::RenderedSet& rendered,
                   const std::vector<ports::Observed>& observed) {
    std::set<ports::ResourceRef> told;
    for (const DesiredApply& desired : ToApply(rendered, observed)) {
      const ports::ResourceRef ref = RefOf(desired.object);
      if (!told.insert(ref).second) continue;  // first values of an object come before the rest of it
      const auto tried = parts_.cluster.Try(desired.object, desired.field_manager);
      if (!tried.ok()) {
        Problem(actor, ref.kind + " " + ref.name + ": " + Explain(tried.error()));
        continue;
      }
      if (tried->before.IsNull()) {
        Add(Action::kCreate, ref, actor);
        continue;
      }
      auto fields = ChangesOf(*tried);
      if (!fields.empty()) Add(Action::kUpdate, ref, actor).fields = std::move(fields);
    }
  }

  Status PlanQueue(const Target& target, const json::Value& transport, const std::string& name) {
    const std::string to = NameOf(transport);
    const ports::ResourceRef ref{"", "Queue", "", name};
    ASYA_TRY_STATUS(LeaveOldQueue(target, transport, name));
    ASYA_TRY(const bool as_stored, IsAsStored(transport));
    if (!as_stored) {
      // How it is reached is not known before it is written.
      const bool moves = target.before && StatusTransport(*target.before) != to;
      auto& change = Add(target.before && !moves ? Action::kUpdate : Action::kCreate, ref, target.actor);
      change.note = "on transport " + to + ", which changes; made there if it is missing";
      return Ok();
    }
    const auto admin = parts_.queues.For(transport);
    if (admin == nullptr) return Fail(ErrorCode::kInvalid, NotServedHere(transport));
    const auto stats = admin->Stats(name);
    if (stats.ok()) {
      if (!target.before) {
        Add(Action::kUpdate, ref, target.actor).note =
            "on transport " + to + ", is there already; the actor waits if it is somebody else's";
      }
      return Ok();
    }
    if (stats.error().code != ErrorCode::kNotFound) return stats.error();
    Add(Action::kCreate, ref, target.actor).note = "on transport " + to;
    return Ok();
  }

  // What an actor is sized by need not show in any object. One that cannot be rendered now is not sized at all.
  void PlanScaler(const Target& target, const json::Value& after) {
    ports::ComposeInput input;
    input.actor = *target.before;
    auto transport = ResolveTransport(stored_, input.actor, settings_.default_transport);
    auto flavors = ResolveFlavors(stored_, input.actor);
    if (!transport.ok() || !flavors.ok()) return;
    input.transport = std::move(*transport);
    input.flavors = std::move(*flavors);
    const auto before = parts_.composer.Compose(input);
    if (!before.ok()) return;
    auto fields = ScalingChanges(before->effective_spec, after);
    if (fields.empty()) return;
    const ports::ResourceRef ref{"", "Scaler", NamespaceOf(target.actor), NameOf(target.actor)};
    Add(Action::kUpdate, ref, target.actor).fields = std::move(fields);
  }

  // Where an actor moves, its old queue goes when it is empty.
  Status LeaveOldQueue(const Target& target, const json::Value& transport, const std::string& name) {
    if (!target.before) return Ok();
    const auto old = CurrentTransport(stored_, *target.before, settings_.default_transport);
    // One that waits for its Transport has no queue yet.
    if (!old.ok()) return old.error().code == ErrorCode::kNotFound ? Ok() : Status(old.error());
    if (NameOf(*old) == NameOf(transport)) return Ok();
    const auto admin = parts_.queues.For(*old);
    if (admin == nullptr) return Ok();
    const auto stats = admin->Stats(name);
    if (!stats.ok()) return stats.error().code == ErrorCode::kNotFound ? Ok() : Status(stats.error());
    const std::int64_t left = stats->visible + stats->delayed + stats->in_flight;
    auto& change = Add(Action::kDelete, {"", "Queue", "", name}, target.actor);
    change.note = "on transport " + NameOf(*old);
    if (left > 0) change.note += "; " + EnvelopeCount(left) + " still in it, and the actor moves when they are done";
    return Ok();
  }

  Result<bool> IsAsStored(const json::Value& transport) {
    ASYA_TRY(const auto stored, stored_.Get(kTransports, "", NameOf(transport)));
    if (stored) return SameSpec(stored->object, transport);
    return NameOf(transport) == NameOf(settings_.default_transport);
  }

  ports::PlannedChange& Add(Action action, ports::ResourceRef ref, const json::Value& actor) {
    ports::PlannedChange change;
    change.action = action;
    change.ref = std::move(ref);
    change.actor = Title(actor);
    return plan_.changes.emplace_back(std::move(change));
  }

  void Problem(const json::Value& actor, std::string message) {
    plan_.problems.push_back({Title(actor), std::move(message)});
  }

  const Parts& parts_;
  const ReconcilerSettings& settings_;
  PlannedStore planned_;
  Objects stored_;
  Objects objects_;  // as they would be
  std::vector<Target> targets_;
  ports::Plan plan_;
};

Result<std::shared_ptr<void>> ActorPlanner::TakePlace() {
  const std::lock_guard lock(mutex_);
  if (closed_) return Fail(ErrorCode::kClosed, "the server is stopping");
  if (taken_ == kPlansAtOnceMax) return Fail(ErrorCode::kTooMany, "other plans are being made; try again");
  ++taken_;
  return std::shared_ptr<void>(static_cast<void*>(this), [this](void*) {
    const std::lock_guard ending(mutex_);
    --taken_;
    ended_.notify_all();
  });
}

Result<ports::Plan> ActorPlanner::Make(const std::vector<ports::PlannedWrite>& writes) {
  return Pass(parts_, settings_).Make(writes);
}

void ActorPlanner::Close() {
  std::unique_lock lock(mutex_);
  closed_ = true;
  ended_.wait(lock, [this] { return taken_ == 0; });
}

}  // namespace asya::reconcilers
