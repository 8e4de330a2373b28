#include "apiserver/openapi.h"

#include <utility>

#include "apiserver/openapi_history.h"
#include "apiserver/resource.h"
#include "model/openapi.h"

namespace asya::apiserver {
namespace {

constexpr const char* kScaleName = "io.k8s.api.autoscaling.v1.Scale";
constexpr const char* kMetaPrefix = "io.k8s.apimachinery.pkg.apis.meta.v1.";

struct Operation {
  const char* method;
  const char* action;  // x-kubernetes-action
  bool writes;
  bool named;
};
constexpr Operation kOperations[] = {
    {"get", "list", false, false},    {"post", "post", true, false}, {"delete", "deletecollection", true, false},
    {"get", "get", false, true},      {"put", "put", true, true},    {"patch", "patch", true, true},
    {"delete", "delete", true, true},
};

json::Object Parameter(const char* name, const char* in, const char* type, const char* description) {
  json::Object parameter{{"name", name},
                         {"in", in},
                         {"description", description},
                         {"schema", json::Object{{"type", type}, {"uniqueItems", true}}}};
  if (std::string_view(in) == "path") parameter["required"] = true;
  return parameter;
}

json::Array Parameters(const Operation& operation) {
  json::Array parameters;
  if (operation.writes) {
    parameters.push_back(Parameter("dryRun", "query", "string", "All: check only, store nothing."));
  }
  if (operation.writes && std::string_view(operation.method) != "delete") {
    parameters.push_back(Parameter("fieldManager", "query", "string", "Who sets the fields."));
    parameters.push_back(
        Parameter("fieldValidation", "query", "string", "What to do about unknown fields: Ignore, Warn or Strict."));
  }
  if (std::string_view(operation.method) == "patch") {
    parameters.push_back(Parameter("force", "query", "boolean", "For apply patches: take over fields of others."));
  }
  if (std::string_view(operation.action) == "list") {
    for (const char* name : {"labelSelector", "fieldSelector", "resourceVersion", "resourceVersionMatch", "continue"}) {
      parameters.push_back(Parameter(name, "query", "string", "As in the Kubernetes API."));
    }
    for (const char* name : {"limit", "timeoutSeconds"}) {
      parameters.push_back(Parameter(name, "query", "integer", "As in the Kubernetes API."));
    }
    for (const char* name : {"watch", "allowWatchBookmarks", "sendInitialEvents"}) {
      parameters.push_back(Parameter(name, "query", "boolean", "As in the Kubernetes API."));
    }
  }
  return parameters;
}

json::Object Content(const std::vector<const char*>& types, const std::string& schema) {
  json::Object content;
  for (const char* type : types) {
    content[type] = json::Object{{"schema", json::Object{{"$ref", "#/components/schemas/" + schema}}}};
  }
  return content;
}

std::string SchemaName(const Resource& resource) {
  if (resource.group == model::kGroup) return model::OpenApiName(resource.kind);
  const std::string group = resource.group.substr(0, resource.group.find('.'));
  return "io.k8s.api." + (group.empty() ? "core" : group) + "." + resource.version + "." + resource.kind.kind;
}

// "core_v1", "asya_v1alpha1".
std::string TagOf(const Resource& resource) {
  const std::string group = resource.group.substr(0, resource.group.find('.'));
  return (group.empty() ? "core" : group) + "_" + resource.version;
}

json::Object KindOf(const Resource& resource, const std::string& part) {
  if (part == "Scale") return json::Object{{"group", "autoscaling"}, {"version", "v1"}, {"kind", "Scale"}};
  return json::Object{{"group", resource.group}, {"version", resource.version}, {"kind", resource.kind.kind}};
}

json::Object Responses(const Operation& operation, const std::string& schema) {
  const std::string_view method = operation.method;
  const auto answer = [&](const char* words) {
    return json::Object{{"description", words}, {"content", Content({"application/json"}, schema)}};
  };
  json::Object responses{{"200", answer("OK")}};
  if (method == "post" || method == "put" || method == "patch") responses["201"] = answer("Created");
  if (method == "delete" && operation.named) responses["202"] = answer("Accepted");
  const std::string status = model::kStatusName;
  responses["default"] = json::Object{{"description", "Failure"}, {"content", Content({"application/json"}, status)}};
  return responses;
}

json::Object RenderOperation(const Resource& resource, const Operation& operation, const std::string& suffix) {
  const std::string schema = suffix == "Scale" ? kScaleName : SchemaName(resource);
  const bool list = std::string_view(operation.action) == "list";
  const bool deletes = std::string_view(operation.method) == "delete";
  const std::string answer = list ? schema + "List" : deletes ? std::string(kMetaPrefix) + "Status" : schema;
  json::Object out{{"operationId", std::string(operation.action) + resource.kind.kind + suffix},
                   {"tags", json::Array{TagOf(resource)}},
                   {"x-kubernetes-action", operation.action},
                   {"x-kubernetes-group-version-kind", KindOf(resource, suffix)},
                   {"parameters", Parameters(operation)},
                   {"responses", Responses(operation, answer)}};
  if (!operation.writes) return out;
  const bool patches = std::string_view(operation.method) == "patch";
  const std::string body = deletes   ? std::string(kMetaPrefix) + "DeleteOptions"
                           : patches ? std::string(kMetaPrefix) + "Patch"
                                     : schema;
  const std::vector<const char*> types =
      patches ? std::vector<const char*>{"application/json-patch+json", "application/merge-patch+json",
                                         "application/apply-patch+yaml"}
              : std::vector<const char*>{"application/json"};
  out["requestBody"] = json::Object{{"content", Content(types, body)}};
  return out;
}

// On which paths of a kind an operation is offered.
enum class Place { kCollection, kAllNamespaces, kObject, kPart };

bool IsServed(const Resource& resource, const Operation& operation, Place place) {
  const std::string_view action = operation.action;
  if (operation.named != (place == Place::kObject || place == Place::kPart)) return false;
  if (place == Place::kPart && std::string_view(operation.method) == "delete") return false;
  if (place == Place::kAllNamespaces && action != "list") return false;
  return resource.Allows(action == "post" ? "create" : action == "put" ? "update" : action);
}

json::Object PathItem(const Resource& resource, Place place, const std::string& part) {
  json::Array shared;
  if (place == Place::kObject || place == Place::kPart) {
    shared.push_back(Parameter("name", "path", "string", "Name of the object."));
  }
  if (resource.kind.namespaced && place != Place::kAllNamespaces) {
    shared.push_back(Parameter("namespace", "path", "string", "Namespace of the object."));
  }
  json::Object item;
  if (!shared.empty()) item["parameters"] = std::move(shared);
  const std::string suffix = place == Place::kAllNamespaces ? "ForAllNamespaces" : part;
  for (const Operation& operation : kOperations) {
    if (IsServed(resource, operation, place)) item[operation.method] = RenderOperation(resource, operation, suffix);
  }
  return item;
}

json::Object HistoryPathItem(const Resource& resource, const HistoryOperation& operation) {
  const bool writes = std::string_view(operation.method) == "post";
  json::Array queries;
  for (const auto& [name, type, description] : operation.queries) {
    queries.push_back(Parameter(name, "query", type, description));
  }
  const Operation shape{operation.method, operation.method, writes, true};
  const std::string schema = HistorySchemaName(operation.kind);
  json::Object out{{"operationId", std::string(operation.method) + resource.kind.kind + operation.suffix},
                   {"tags", json::Array{TagOf(resource)}},
                   {"x-kubernetes-action", operation.method},
                   {"x-kubernetes-group-version-kind",
                    json::Object{{"group", resource.group}, {"version", resource.version}, {"kind", operation.kind}}},
                   {"parameters", std::move(queries)},
                   {"responses", Responses(shape, writes ? SchemaName(resource) : schema)}};
  if (writes) out["requestBody"] = json::Object{{"content", Content({"application/json"}, schema)}};
  json::Array shared{Parameter("name", "path", "string", "Name of the object.")};
  if (resource.kind.namespaced) {
    shared.push_back(Parameter("namespace", "path", "string", "Namespace of the object."));
  }
  return json::Object{{"parameters", std::move(shared)}, {operation.method, std::move(out)}};
}

void AddPaths(const Resource& resource, json::Object& paths) {
  const std::string base = resource.group.empty() ? "/api/v1" : "/apis/" + resource.ApiVersion();
  const std::string scope = resource.kind.namespaced ? "/namespaces/{namespace}" : "";
  const std::string collection = base + scope + "/" + resource.kind.plural;
  paths[collection] = PathItem(resource, Place::kCollection, "");
  if (resource.kind.namespaced) {
    paths[base + "/" + resource.kind.plural] = PathItem(resource, Place::kAllNamespaces, "");
  }
  if (!resource.Allows("get")) return;
  paths[collection + "/{name}"] = PathItem(resource, Place::kObject, "");
  if (resource.kind.has_status) paths[collection + "/{name}/status"] = PathItem(resource, Place::kPart, "Status");
  if (resource.kind.has_scale) paths[collection + "/{name}/scale"] = PathItem(resource, Place::kPart, "Scale");
  if (!resource.has_history()) return;
  for (const HistoryOperation& operation : HistoryOperations()) {
    paths[collection + "/{name}/" + operation.part] = HistoryPathItem(resource, operation);
  }
}

// Core kinds are described as far as their metadata; the rest is open.
void AddCoreKind(const Resource& resource, json::Object& definitions) {
  model::KindInfo kind = resource.kind;
  json::Value definition = model::OpenApiSchema(kind);
  json::Value list = model::OpenApiListSchema(kind);
  const auto gvk = [&](const std::string& name) {
    return json::Array{json::Object{{"group", resource.group}, {"version", resource.version}, {"kind", name}}};
  };
  definition["x-kubernetes-group-version-kind"] = gvk(kind.kind);
  list["x-kubernetes-group-version-kind"] = gvk(kind.kind + "List");
  list["properties"]["apiVersion"]["description"] = resource.ApiVersion() + ".";
  list["properties"]["items"]["items"] =
      json::Object{{"allOf", json::Array{json::Object{{"$ref", "#/components/schemas/" + SchemaName(resource)}}}},
                   {"default", json::Object{}}};
  definitions[SchemaName(resource)] = std::move(definition);
  if (resource.Allows("list")) definitions[SchemaName(resource) + "List"] = std::move(list);
}

json::Object Definitions(const std::string& group) {
  json::Object definitions = model::OpenApiDefinitions();
  if (group == model::kGroup) {
    definitions[kScaleName] = model::OpenApiScaleSchema();
    definitions.merge(HistoryDefinitions());
    return definitions;
  }
  std::erase_if(definitions, [](const auto& entry) { return entry.first.rfind(kMetaPrefix, 0) != 0; });
  for (const Resource& resource : Resources()) {
    if (resource.group == group) AddCoreKind(resource, definitions);
  }
  return definitions;
}

}  // namespace

json::Value GroupVersionDocument(const std::string& group, const std::string& version) {
  json::Object paths;
  for (const Resource& resource : Resources()) {
    if (resource.group == group && resource.version == version) AddPaths(resource, paths);
  }
  return json::Object{{"openapi", "3.0.0"},
                      {"info", json::Object{{"title", "Asya"}, {"version", version}}},
                      {"paths", std::move(paths)},
                      {"components", json::Object{{"schemas", Definitions(group)}}}};
}

}  // namespace asya::apiserver
