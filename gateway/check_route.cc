#include "gateway/check_route.h"

#include <optional>
#include <utility>

#include "core/json/parse.h"
#include "model/envelope.h"
#include "model/kinds.h"

namespace asya::gateway {
namespace {

constexpr std::int64_t kKnownActorsShown = 20;

Intake AskStore(const std::string& namespace_, const std::string& actor, const Deps& deps) {
  const auto record = deps.objects.Get({"asyncactors", namespace_, actor});
  // A store that cannot be asked tells so when the task is written.
  if (!record.ok()) return record.error().code == ErrorCode::kNotFound ? Intake::kUnknown : Intake::kOpen;
  const auto object = json::Parse(*record->json);
  if (!object.ok() || model::ActorIdentity(*object) != actor) return Intake::kUnknown;
  return object->FindPath({"metadata", "deletionTimestamp"}) == nullptr ? Intake::kOpen : Intake::kClosing;
}

Intake IntakeOf(const std::string& namespace_, const std::string& actor, const Deps& deps) {
  const Intake known = deps.intake ? deps.intake(model::QueueName(namespace_, actor)) : Intake::kUnknown;
  if (known == Intake::kOpen) return known;
  // Memory lags: the actor may just have been made, or made again.
  const Intake stored = AskStore(namespace_, actor, deps);
  return stored == Intake::kUnknown ? known : stored;
}

Error Closing(const std::string& actor, std::string field) {
  return {ErrorCode::kConflict,
          "actor \"" + actor + "\" is being deleted: it finishes what waits for it and takes nothing new",
          std::move(field)};
}

// What is wrong with the place `index` of the route, if anything.
std::optional<Error> CheckNext(const NewTask& wanted, std::size_t index, const Deps& deps) {
  const std::string actor = model::RouteTarget(wanted.headers, wanted.next[index]);
  const Intake intake = IntakeOf(wanted.namespace_, actor, deps);
  if (intake == Intake::kOpen) return std::nullopt;
  const bool is_flow = !wanted.flow.empty();
  std::string field = is_flow ? "flow" : "next[" + std::to_string(index) + "]";
  if (intake == Intake::kClosing) return Closing(actor, std::move(field));
  const std::string what =
      is_flow ? "flow \"" + wanted.flow + "\" goes on to \"" + actor + "\"" : "got \"" + actor + "\"";
  return Error{ErrorCode::kNotFound, what + "; no actor of that name in namespace \"" + wanted.namespace_ + "\"",
               std::move(field)};
}

}  // namespace

std::string KnownActors(const Deps& deps, const std::string& namespace_) {
  ports::ListQuery query;
  query.resource = "asyncactors";
  query.namespace_ = namespace_;
  query.selector.labels.push_back({"asya.sh/system", ports::LabelRequirement::Operator::kNotExists, {}});
  query.limit = kKnownActorsShown;
  const auto page = deps.objects.List(query);
  std::string names;
  if (page.ok()) {
    for (const ports::Record& record : page->items) {
      const auto object = json::Parse(*record.json);
      names += (names.empty() ? "" : ", ") + (object.ok() ? model::ActorIdentity(*object) : record.key.name);
    }
    if (page->more) names += ", …";
  }
  return "known there: " + (names.empty() ? "none" : names);
}

Error NoSuchActor(const NewTask& wanted, const Deps& deps) {
  return {ErrorCode::kNotFound,
          "no actor \"" + wanted.actor + "\" in namespace \"" + wanted.namespace_ + "\"; " +
              KnownActors(deps, wanted.namespace_),
          wanted.flow.empty() ? "actor" : "flow"};
}

std::vector<Error> CheckRoute(const NewTask& wanted, const Deps& deps) {
  std::vector<Error> errors;
  const Intake entry = IntakeOf(wanted.namespace_, wanted.actor, deps);
  const char* const field = wanted.flow.empty() ? "actor" : "flow";
  if (entry == Intake::kClosing) errors.push_back(Closing(wanted.actor, field));
  if (entry == Intake::kUnknown && deps.entry_has_to_be_stored) errors.push_back(NoSuchActor(wanted, deps));
  bool told_known = false;
  for (std::size_t i = 0; i < wanted.next.size(); ++i) {
    auto error = CheckNext(wanted, i, deps);
    if (!error) continue;
    const bool unknown = error->code == ErrorCode::kNotFound;
    if (unknown && !std::exchange(told_known, true)) error->message += "; " + KnownActors(deps, wanted.namespace_);
    errors.push_back(std::move(*error));
  }
  return errors;
}

}  // namespace asya::gateway
