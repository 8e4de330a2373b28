#include "apiserver/plan.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apiserver/body.h"
#include "apiserver/namespaces.h"
#include "apiserver/object.h"
#include "apiserver/prepare.h"
#include "apiserver/revision.h"
#include "model/kinds.h"

namespace asya::apiserver {
namespace {

constexpr const char* kNoControllers =
    "this server runs no controllers, so that it cannot tell what the objects become in a cluster";

const char* ActionName(ports::PlannedChange::Action action) {
  switch (action) {
    case ports::PlannedChange::Action::kCreate:
      return "create";
    case ports::PlannedChange::Action::kUpdate:
      return "update";
    case ports::PlannedChange::Action::kDelete:
      return "delete";
  }
  return "";
}

Outcome<const Resource*> ResourceOf(const json::Value& object, std::size_t place) {
  const std::string where = "spec.objects[" + std::to_string(place) + "]: ";
  if (!object.IsObject()) return BadRequest(where + "an object with apiVersion and kind is accepted");
  const model::KindInfo* kind = model::FindKindByName(object.GetString("kind").value_or(""));
  const Resource* resource = kind == nullptr ? nullptr : FindResource(model::kGroup, model::kVersion, kind->plural);
  if (resource == nullptr || object.GetString("apiVersion") != resource->ApiVersion()) {
    return BadRequest(where + "the kinds of " + Plans().ApiVersion() + " are accepted, got kind " +
                      json::Quote(object.GetString("kind").value_or("")) + " of " +
                      json::Quote(object.GetString("apiVersion").value_or("")));
  }
  return resource;
}

// The request that would write the object.
Call WriteOf(const Call& call, const Resource& resource, const json::Value& object) {
  Call write;
  write.user = call.user;
  write.request.method = call.request.method;
  write.request.headers = call.request.headers;
  write.resource = &resource;
  write.info.group = resource.group;
  write.info.version = resource.version;
  write.info.resource = resource.kind.plural;
  if (resource.kind.namespaced) {
    write.info.namespace_ = MetadataText(object, "namespace");
    if (write.info.namespace_.empty()) write.info.namespace_ = call.info.namespace_;
  }
  write.info.name = MetadataText(object, "name");
  return write;
}

Outcome<ports::PlannedWrite> Prepared(const Context& context, Call& call, Call& write, json::Value object) {
  if (write.info.name.empty()) {
    return Invalid(*write.resource, "", {{"metadata.name", "FieldValueRequired", "Required value"}});
  }
  const auto record = context.store.Get(write.Key());
  if (!record.ok() && record.error().code != ErrorCode::kNotFound) {
    return FromStore(record.error(), *write.resource, write.info.name);
  }
  write.info.verb = record.ok() ? "patch" : "create";
  if (context.authorize) {
    ASYA_TRY([[maybe_unused]] const Done allowed, context.authorize(write));
  }
  ASYA_TRY([[maybe_unused]] const Done matched, MatchUrl(write, object));
  WriteOptions options;
  options.dry_run = true;
  options.field_validation = FieldValidation::kStrict;
  ports::PlannedWrite planned{write.resource->kind.plural, std::nullopt, {}};
  if (record.ok()) {
    ASYA_TRY(json::Value stored, StoredObjectOf(*record));
    ASYA_TRY(planned.after,
             PrepareUpdate(context, write, options, stored, std::move(object), Part::kSpec, Ownership::kTracked));
    planned.before = std::move(stored);
  } else {
    MetadataOf(object).AsObject().erase("resourceVersion");
    ASYA_TRY([[maybe_unused]] const Done exists, CheckNamespace(context, write, object));
    ASYA_TRY(planned.after, PrepareCreate(context, write, options, std::move(object), Ownership::kTracked));
  }
  for (std::string& warning : write.warnings) call.Warn(std::move(warning));
  return planned;
}

Outcome<std::vector<ports::PlannedWrite>> WritesOf(const Context& context, Call& call, json::Value& body) {
  json::Value* spec = body.Find("spec");
  json::Value* objects = spec == nullptr ? nullptr : spec->Find("objects");
  if (objects == nullptr || !objects->IsArray() || objects->AsArray().empty() ||
      objects->AsArray().size() > kPlannedObjectsMax) {
    return BadRequest("spec.objects: a list of 1 to " + std::to_string(kPlannedObjectsMax) + " objects is accepted");
  }
  std::vector<ports::PlannedWrite> writes;
  for (std::size_t i = 0; i < objects->AsArray().size(); ++i) {
    json::Value& object = objects->AsArray()[i];
    ASYA_TRY(const Resource* resource, ResourceOf(object, i));
    MetadataOf(object);
    Call write = WriteOf(call, *resource, object);
    ASYA_TRY(ports::PlannedWrite planned, Prepared(context, call, write, std::move(object)));
    writes.push_back(std::move(planned));
  }
  return writes;
}

json::Object Shown(const ports::PlannedChange& change) {
  json::Object shown{{"action", ActionName(change.action)}, {"kind", change.ref.kind}, {"name", change.ref.name}};
  if (!change.ref.api_version.empty()) shown["apiVersion"] = change.ref.api_version;
  if (!change.ref.namespace_.empty()) shown["namespace"] = change.ref.namespace_;
  if (!change.actor.empty()) shown["actor"] = change.actor;
  if (!change.note.empty()) shown["note"] = change.note;
  if (change.action == ports::PlannedChange::Action::kUpdate) PutChanges(change.fields, shown);
  return shown;
}

json::Value StatusOf(const ports::Plan& plan) {
  json::Array changes;
  std::int64_t counts[3] = {0, 0, 0};  // by action
  for (const auto& change : plan.changes) {
    ++counts[static_cast<std::size_t>(change.action)];
    changes.push_back(Shown(change));
  }
  json::Array rendered_anew;
  for (const auto& actor : plan.rendered_anew) {
    rendered_anew.push_back(json::Object{{"actor", actor.actor}, {"because", actor.because}});
  }
  json::Array problems;
  for (const auto& problem : plan.problems) {
    json::Object shown{{"message", problem.message}};
    if (!problem.actor.empty()) shown["actor"] = problem.actor;
    problems.push_back(std::move(shown));
  }
  return json::Object{{"changes", std::move(changes)},
                      {"renderedAnew", std::move(rendered_anew)},
                      {"problems", std::move(problems)},
                      {"summary", json::Object{{"add", counts[0]}, {"change", counts[1]}, {"delete", counts[2]}}}};
}

StatusError Refused(const Error& error) {
  if (error.code == ErrorCode::kTooMany) return TooManyRequests();
  return Unavailable(error.message);
}

Resource MakePlans() {
  Resource resource;
  resource.group = model::kGroup;
  resource.version = model::kVersion;
  resource.kind.plural = "plans";
  resource.kind.singular = "plan";
  resource.kind.kind = "Plan";
  resource.kind.namespaced = true;
  resource.kind.has_status = false;
  resource.verbs = {"create"};
  return resource;
}

}  // namespace

const Resource& Plans() {
  static const Resource plans = MakePlans();
  return plans;
}

Outcome<http::Response> CreatePlan(const Context& context, const FindPlanner& find_planner, Call& call) {
  ports::Planner* planner = find_planner ? find_planner() : nullptr;
  if (planner == nullptr) return MethodNotAllowed(kNoControllers);
  ASYA_TRY(json::Value body, DecodeJson(call));
  if (body.GetString("kind") != "Plan" || body.GetString("apiVersion") != Plans().ApiVersion()) {
    return BadRequest("the body must be of kind Plan in " + Plans().ApiVersion());
  }
  // First, since already the reading of what is planned asks the cluster, once an object and more.
  const auto place = planner->TakePlace();
  if (!place.ok()) return Refused(place.error());
  ASYA_TRY(const std::vector<ports::PlannedWrite> writes, WritesOf(context, call, body));
  const auto plan = planner->Make(writes);
  if (!plan.ok()) return Refused(plan.error());
  http::Response response;
  response.status = 201;
  response.body = json::Dump(json::Object{{"kind", "Plan"},
                                          {"apiVersion", Plans().ApiVersion()},
                                          {"metadata", json::Object{{"namespace", call.info.namespace_}}},
                                          {"status", StatusOf(*plan)}});
  AddWarnings(call, response);
  return response;
}

}  // namespace asya::apiserver
