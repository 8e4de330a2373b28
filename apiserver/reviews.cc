#include "apiserver/reviews.h"

#include <utility>

#include "apiserver/body.h"
#include "apiserver/object.h"
#include "apiserver/options.h"
#include "apiserver/revision.h"

namespace asya::apiserver {
namespace {

// A request as it would come, for the authorizer to judge.
Call CallOf(const Call& review, const Resource& resource, const json::Value& attributes) {
  Call call;
  call.resource = &resource;
  call.user = review.user;
  call.request.method = review.request.method;
  call.info.group = resource.group;
  call.info.version = resource.version;
  call.info.resource = resource.kind.plural;
  call.info.namespace_ = attributes.GetString("namespace").value_or("");
  call.info.name = attributes.GetString("name").value_or("");
  call.info.subresource = attributes.GetString("subresource").value_or("");
  call.info.verb = attributes.GetString("verb").value_or("");
  return call;
}

json::Object Denied(std::string why) { return json::Object{{"allowed", false}, {"reason", std::move(why)}}; }

constexpr const char* kAny = "*";

// Every verb that the question means; "*" means all that there are.
std::vector<std::string> VerbsOf(const Resource& resource, const json::Value& attributes) {
  std::string verb = attributes.GetString("verb").value_or("");
  return verb == kAny ? resource.verbs : std::vector<std::string>{std::move(verb)};
}

// "*" in the place of group, resource or verb asks for all of them; one that is refused is the answer.
json::Object JudgeResource(const Authorizer& authorize, const Call& review, const json::Value& attributes) {
  const std::string group = attributes.GetString("group").value_or("");
  const std::string plural = attributes.GetString("resource").value_or("");
  bool found = false;
  for (const Resource& resource : Resources()) {
    if (group != kAny && resource.group != group) continue;
    if (plural == kAny ? IsReview(resource) : resource.kind.plural != plural) continue;
    found = true;
    Call asked = CallOf(review, resource, attributes);
    for (const std::string& verb : VerbsOf(resource, attributes)) {
      asked.info.verb = verb;
      const auto allowed = authorize(asked);
      if (!allowed.ok() && !IsReview(resource)) return Denied(allowed.error().message);
    }
  }
  if (found) return json::Object{{"allowed", true}};
  return Denied("resource \"" + plural + "\" of the group \"" + group + "\" is not served here");
}

Outcome<json::Value> JudgeAccess(const Authorizer& authorize, const Call& call, const json::Value& review) {
  const json::Value* resource = review.FindPath({"spec", "resourceAttributes"});
  const json::Value* path = review.FindPath({"spec", "nonResourceAttributes"});
  const bool of_resource = resource != nullptr && resource->IsObject();
  const bool of_path = path != nullptr && path->IsObject();
  if (of_resource == of_path) {
    return Invalid(
        *call.resource, "",
        {{"spec.resourceAttributes", "FieldValueInvalid",
          "Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified"}});
  }
  // Paths beside objects (discovery, health) are open to everybody who is known.
  if (!authorize || of_path) return json::Value(json::Object{{"allowed", true}});
  return json::Value(JudgeResource(authorize, call, *resource));
}

json::Array Strings(const std::vector<std::string>& values) {
  json::Array array;
  for (const std::string& value : values) array.push_back(value);
  return array;
}

json::Object Rule(json::Array verbs, json::Array groups, json::Array resources) {
  return json::Object{
      {"verbs", std::move(verbs)}, {"apiGroups", std::move(groups)}, {"resources", std::move(resources)}};
}

struct Part {
  std::string subresource;
  std::vector<std::string> verbs;
};

std::vector<Part> PartsOf(const Resource& resource) {
  std::vector<Part> parts{{"", resource.verbs}};
  if (IsReview(resource)) return parts;
  if (resource.kind.has_status) parts.push_back({"status", {"get", "patch", "update"}});
  if (resource.kind.has_scale) parts.push_back({"scale", {"get", "patch", "update"}});
  if (!resource.has_history()) return parts;
  for (const char* part : {kDiffPart, kHistoryPart}) parts.push_back({part, {"get"}});
  parts.push_back({kRestorePart, {"create"}});
  return parts;
}

json::Array AllowedVerbs(const Authorizer& authorize, const Call& review, const Resource& resource, const Part& part,
                         const json::Object& place) {
  json::Array verbs;
  for (const std::string& verb : part.verbs) {
    json::Object attributes = place;
    attributes["verb"] = verb;
    attributes["subresource"] = part.subresource;
    if (IsReview(resource) || authorize(CallOf(review, resource, attributes)).ok()) verbs.push_back(verb);
  }
  return verbs;
}

// Of one resource or subresource; of the namespace itself also by its name.
void AddRules(const Authorizer& authorize, const Call& call, const std::string& namespace_, const Resource& resource,
              const Part& part, json::Array& rules) {
  const std::string name =
      part.subresource.empty() ? resource.kind.plural : resource.kind.plural + "/" + part.subresource;
  const bool in_namespace = resource.kind.namespaced;
  const json::Object place = in_namespace ? json::Object{{"namespace", namespace_}} : json::Object{};
  json::Array verbs = AllowedVerbs(authorize, call, resource, part, place);
  if (&resource == &Namespaces()) {
    json::Array own = AllowedVerbs(authorize, call, resource, part, json::Object{{"name", namespace_}});
    json::Object rule = Rule(own, {resource.group}, {name});
    rule["resourceNames"] = json::Array{namespace_};
    if (own != verbs) rules.push_back(std::move(rule));
  }
  if (!verbs.empty()) rules.push_back(Rule(std::move(verbs), {resource.group}, {name}));
}

// Every verb of every resource is judged.
json::Array RulesOf(const Authorizer& authorize, const Call& call, const std::string& namespace_) {
  json::Array rules;
  if (!authorize) {
    rules.push_back(Rule({"*"}, {"*"}, {"*"}));
    return rules;
  }
  for (const Resource& resource : Resources()) {
    for (const Part& part : PartsOf(resource)) AddRules(authorize, call, namespace_, resource, part, rules);
  }
  return rules;
}

Outcome<json::Value> ListRules(const Judges& judges, const Call& call, const json::Value& review) {
  const json::Value* spec = review.Find("spec");
  const std::string namespace_ = spec == nullptr ? "" : spec->GetString("namespace").value_or("");
  if (namespace_.empty()) return BadRequest("no namespace on request");
  json::Object everywhere{{"verbs", json::Array{"get"}}, {"nonResourceURLs", json::Array{"*"}}};
  return json::Value(json::Object{{"resourceRules", RulesOf(judges.authorize, call, namespace_)},
                                  {"nonResourceRules", json::Array{std::move(everywhere)}},
                                  {"incomplete", judges.authorize != nullptr && !judges.rules_are_complete}});
}

json::Value WhoIs(const User& user) {
  json::Array groups = Strings(user.groups);
  groups.push_back("system:authenticated");
  json::Object info{{"username", user.name}, {"groups", std::move(groups)}};
  if (!user.uid.empty()) info["uid"] = user.uid;
  return json::Object{{"userInfo", std::move(info)}};
}

}  // namespace

bool IsReview(const Resource& resource) {
  return resource.group == "authentication.k8s.io" || resource.group == "authorization.k8s.io";
}

Outcome<http::Response> CreateReview(const Context& context, const Judges& judges, Call& call) {
  ASYA_TRY(const WriteOptions options, ParseWriteOptions(call.request, "CreateOptions"));
  ASYA_TRY(json::Value review, DecodeObject(context, call, options));
  // Typed clients leave these to the URL.
  if (review.GetString("kind").value_or("").empty()) review["kind"] = call.resource->kind.kind;
  if (review.GetString("apiVersion").value_or("").empty()) review["apiVersion"] = call.resource->ApiVersion();
  ASYA_TRY([[maybe_unused]] const Done matched, MatchUrl(call, review));
  MetadataOf(review);
  const std::string& kind = call.resource->kind.kind;
  if (kind == "SelfSubjectReview") {
    review["status"] = WhoIs(call.user);
  } else if (kind == "SelfSubjectRulesReview") {
    ASYA_TRY(review["status"], ListRules(judges, call, review));
  } else {
    ASYA_TRY(review["status"], JudgeAccess(judges.authorize, call, review));
  }
  return AnswerObject(context, call, 201, json::Dump(review));
}

}  // namespace asya::apiserver
