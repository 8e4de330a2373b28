#include "apiserver/reviews.h"

#include <utility>

#include "apiserver/body.h"
#include "apiserver/object.h"
#include "apiserver/options.h"

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

json::Object JudgeResource(const Authorizer& authorize, const Call& review, const json::Value& attributes) {
  const std::string group = attributes.GetString("group").value_or("");
  const std::string plural = attributes.GetString("resource").value_or("");
  for (const Resource& resource : Resources()) {
    if (resource.group != group || resource.kind.plural != plural) continue;
    const auto allowed = authorize(CallOf(review, resource, attributes));
    return allowed.ok() ? json::Object{{"allowed", true}} : Denied(allowed.error().message);
  }
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

// Every verb of every resource is judged; what the authorizer decides by names is not told.
json::Array RulesOf(const Authorizer& authorize, const Call& call, const std::string& namespace_) {
  json::Array rules;
  if (!authorize) {
    rules.push_back(Rule({"*"}, {"*"}, {"*"}));
    return rules;
  }
  for (const Resource& resource : Resources()) {
    json::Array verbs;
    for (const std::string& verb : resource.verbs) {
      json::Object attributes{{"verb", verb}};
      if (resource.kind.namespaced) attributes["namespace"] = namespace_;
      const bool allowed = IsReview(resource) || authorize(CallOf(call, resource, attributes)).ok();
      if (allowed) verbs.push_back(verb);
    }
    if (!verbs.empty()) rules.push_back(Rule(std::move(verbs), {resource.group}, {resource.kind.plural}));
  }
  return rules;
}

Outcome<json::Value> ListRules(const Authorizer& authorize, const Call& call, const json::Value& review) {
  const json::Value* spec = review.Find("spec");
  const std::string namespace_ = spec == nullptr ? "" : spec->GetString("namespace").value_or("");
  if (namespace_.empty()) return BadRequest("no namespace on request");
  json::Object everywhere{{"verbs", json::Array{"get"}}, {"nonResourceURLs", json::Array{"*"}}};
  return json::Value(json::Object{{"resourceRules", RulesOf(authorize, call, namespace_)},
                                  {"nonResourceRules", json::Array{std::move(everywhere)}},
                                  {"incomplete", authorize != nullptr}});
}

json::Value WhoIs(const User& user) {
  json::Array groups = Strings(user.groups);
  groups.push_back("system:authenticated");
  return json::Object{{"userInfo", json::Object{{"username", user.name}, {"groups", std::move(groups)}}}};
}

}  // namespace

bool IsReview(const Resource& resource) {
  return resource.group == "authentication.k8s.io" || resource.group == "authorization.k8s.io";
}

Outcome<http::Response> CreateReview(const Context& context, const Authorizer& authorize, Call& call) {
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
    ASYA_TRY(review["status"], ListRules(authorize, call, review));
  } else {
    ASYA_TRY(review["status"], JudgeAccess(authorize, call, review));
  }
  return AnswerObject(context, call, 201, json::Dump(review));
}

}  // namespace asya::apiserver
