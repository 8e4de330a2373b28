#include "apiserver/resource.h"

#include <algorithm>

#include "apiserver/plan.h"
#include "apiserver/secrets.h"
#include "model/kinds/schemas.h"

namespace asya::apiserver {
namespace {

model::KindInfo CoreKind(const std::string& plural, const std::string& kind, bool namespaced) {
  model::KindInfo info;
  info.plural = plural;
  info.singular = plural.substr(0, plural.size() - 1);
  info.kind = kind;
  info.namespaced = namespaced;
  info.schema =
      model::Object("", "",
                    {model::String("apiVersion", "v1."), model::String("kind", "The kind."), model::ObjectMetaSchema()})
          .Open();
  return info;
}

Resource NamespaceResource() {
  Resource resource{"",
                    "v1",
                    CoreKind("namespaces", "Namespace", false),
                    {"create", "delete", "get", "list", "patch", "update", "watch"}};
  resource.kind.schema.description = "A scope for names.";
  resource.kind.schema.fields.push_back(model::Object("spec", "What holds it.", {}).Open());
  resource.kind.short_names = {"ns"};
  resource.kind.has_status = false;
  resource.kind.columns = {
      {"Name", "string", "name", "Name of the namespace.", 0, "metadata.name", ""},
      {"Status", "string", "", "Active or Terminating.", 0, "status.phase", ""},
      {"Age", "date", "", "Time since creation.", 0, "metadata.creationTimestamp", ""},
  };
  return resource;
}

Resource EventResource() {
  Resource resource{"", "v1", CoreKind("events", "Event", true), {"get", "list", "watch"}};
  resource.kind.schema.description = "Something that happened to an object.";
  resource.kind.short_names = {"ev"};
  resource.kind.has_status = false;
  resource.kind.columns = {
      {"Last Seen", "date", "", "When it happened last.", 0, "lastTimestamp", "metadata.creationTimestamp"},
      {"Type", "string", "", "Normal or Warning.", 0, "type", ""},
      {"Reason", "string", "", "Why, in one word.", 0, "reason", ""},
      {"Object", "string", "", "What it is about.", 0, "involvedObject.name", ""},
      {"Message", "string", "", "Why, for a person.", 0, "message", ""},
  };
  return resource;
}

// Helm's releases alone: no other tool is invited to keep passwords here.
Resource SecretResource() {
  Resource resource{"",
                    "v1",
                    CoreKind("secrets", "Secret", true),
                    {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}};
  resource.kind.schema =
      model::Object("", "A release of Helm.",
                    {model::String("apiVersion", "v1."), model::String("kind", "The kind."), model::ObjectMetaSchema(),
                     model::Map("data", "Values by key, in base64.", model::String("", "").Secret()),
                     model::Boolean("immutable", "Whether the data can be changed."),
                     model::Map("stringData", "Values by key that are put into data; never read back.",
                                model::String("", "").Secret()),
                     model::String("type", "What it holds.").Required().OneOf({kReleaseType})});
  resource.kind.has_status = false;
  resource.kind.columns = {
      {"Name", "string", "name", "Name of the secret.", 0, "metadata.name", ""},
      {"Type", "string", "", "What it holds.", 0, "type", ""},
      {"Age", "date", "", "Time since creation.", 0, "metadata.creationTimestamp", ""},
  };
  return resource;
}

Resource Review(const std::string& group, const std::string& plural, const std::string& kind,
                const std::string& description) {
  Resource resource{group, "v1", CoreKind(plural, kind, false), {"create"}};
  resource.kind.schema.description = description;
  resource.kind.has_status = false;
  resource.kind.columns = {{"Name", "string", "name", "Name of the object.", 0, "metadata.name", ""}};
  return resource;
}

std::vector<Resource> AllResources() {
  std::vector<Resource> all{NamespaceResource(), EventResource(), SecretResource()};
  for (const model::KindInfo& kind : model::Kinds()) {
    all.push_back(Resource{std::string(model::kGroup),
                           std::string(model::kVersion),
                           kind,
                           {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}});
  }
  all.push_back(Review("authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview", "Who the user is."));
  all.push_back(Review("authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview",
                       "Whether the user may do something."));
  all.push_back(Review("authorization.k8s.io", "selfsubjectrulesreviews", "SelfSubjectRulesReview",
                       "What the user may do in a namespace."));
  return all;
}

}  // namespace

std::string Resource::Qualified() const { return group.empty() ? kind.plural : kind.plural + "." + group; }
std::string Resource::ApiVersion() const { return group.empty() ? version : group + "/" + version; }
bool Resource::Allows(std::string_view verb) const {
  return std::find(verbs.begin(), verbs.end(), verb) != verbs.end();
}

const std::vector<Resource>& Resources() {
  static const std::vector<Resource> all = AllResources();
  return all;
}

const Resource* FindResource(std::string_view group, std::string_view version, std::string_view plural) {
  for (const Resource& resource : Resources()) {
    if (resource.group == group && resource.version == version && resource.kind.plural == plural) return &resource;
  }
  const Resource& plans = Plans();
  if (plans.group == group && plans.version == version && plans.kind.plural == plural) return &plans;
  return nullptr;
}

const Resource& Namespaces() {
  static const Resource& found = *FindResource("", "v1", "namespaces");
  return found;
}
const Resource& Secrets() {
  static const Resource& found = *FindResource("", "v1", "secrets");
  return found;
}

}  // namespace asya::apiserver
