#include <set>
#include <utility>

#include "apiserver/documents.h"
#include "apiserver/negotiate.h"
#include "apiserver/resource.h"
#include "core/json/value.h"
#include "model/openapi.h"

namespace asya::apiserver {
namespace {

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
  return resource.group.empty() ? "io.k8s.api.core.v1." + resource.kind.kind : model::OpenApiName(resource.kind);
}

json::Object RenderOperation(const Resource& resource, const Operation& operation, const std::string& suffix) {
  const std::string schema = SchemaName(resource);
  const bool list = std::string_view(operation.action) == "list";
  const bool deletes = std::string_view(operation.method) == "delete";
  const std::string answer = list ? schema + "List" : deletes ? std::string(kMetaPrefix) + "Status" : schema;
  json::Object out{
      {"operationId", std::string(operation.action) + resource.kind.kind + suffix},
      {"tags", json::Array{resource.group.empty() ? "core_v1" : "asya_v1alpha1"}},
      {"x-kubernetes-action", operation.action},
      {"x-kubernetes-group-version-kind",
       json::Object{{"group", resource.group}, {"version", resource.version}, {"kind", resource.kind.kind}}},
      {"parameters", Parameters(operation)},
      {"responses",
       json::Object{{"200", json::Object{{"description", "OK"}, {"content", Content({"application/json"}, answer)}}}}}};
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

bool IsServed(const Resource& resource, const Operation& operation, bool named, bool part) {
  const std::string_view action = operation.action;
  if (operation.named != named || (part && std::string_view(operation.method) == "delete")) return false;
  return resource.Allows(action == "post" ? "create" : action == "put" ? "update" : action);
}

json::Object PathItem(const Resource& resource, bool named, const std::string& suffix) {
  json::Array shared;
  if (named) shared.push_back(Parameter("name", "path", "string", "Name of the object."));
  if (resource.kind.namespaced) {
    shared.push_back(Parameter("namespace", "path", "string", "Namespace of the object."));
  }
  json::Object item{{"parameters", std::move(shared)}};
  for (const Operation& operation : kOperations) {
    if (!IsServed(resource, operation, named, !suffix.empty())) continue;
    item[operation.method] = RenderOperation(resource, operation, suffix);
  }
  return item;
}

void AddPaths(const Resource& resource, json::Object& paths) {
  const std::string base = resource.group.empty() ? "/api/v1" : "/apis/" + resource.ApiVersion();
  const std::string scope = resource.kind.namespaced ? "/namespaces/{namespace}" : "";
  const std::string collection = base + scope + "/" + resource.kind.plural;
  paths[collection] = PathItem(resource, false, "");
  paths[collection + "/{name}"] = PathItem(resource, true, "");
  if (resource.kind.has_status) paths[collection + "/{name}/status"] = PathItem(resource, true, "Status");
}

json::Object CoreDefinitions() {
  const json::Object all = model::OpenApiDefinitions();
  json::Object definitions;
  for (const auto& [name, definition] : all) {
    if (name.rfind(kMetaPrefix, 0) == 0) definitions[name] = definition;
  }
  for (const Resource& resource : Resources()) {
    if (!resource.group.empty()) continue;
    const auto text = [](const char* words) { return json::Object{{"description", words}, {"type", "string"}}; };
    json::Object properties{
        {"apiVersion", text("v1.")},
        {"kind", text("The kind.")},
        {"metadata", json::Object{{"allOf", json::Array{json::Object{{"$ref", std::string("#/components/schemas/") +
                                                                                  model::kObjectMetaName}}}},
                                  {"description", "Standard object metadata."}}}};
    const json::Object gvk{{"group", ""}, {"version", "v1"}, {"kind", resource.kind.kind}};
    definitions[SchemaName(resource)] = json::Object{{"type", "object"},
                                                     {"description", resource.kind.schema.description},
                                                     {"properties", std::move(properties)},
                                                     {"x-kubernetes-preserve-unknown-fields", true},
                                                     {"x-kubernetes-group-version-kind", json::Array{gvk}}};
    definitions[SchemaName(resource) + "List"] = json::Object{{"type", "object"}};
  }
  return definitions;
}

std::string VersionDocument(const std::string& group, const std::string& version) {
  json::Object paths;
  for (const Resource& resource : Resources()) {
    if (resource.group == group && resource.version == version) AddPaths(resource, paths);
  }
  return json::Dump(json::Object{
      {"openapi", "3.0.0"},
      {"info", json::Object{{"title", "Asya"}, {"version", version}}},
      {"paths", std::move(paths)},
      {"components", json::Object{{"schemas", group.empty() ? CoreDefinitions() : model::OpenApiDefinitions()}}}});
}

void ReplaceAll(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// Definitions only: what clients look up here are the kinds.
std::string Version2Document() {
  std::string text = json::Dump(json::Object{{"swagger", "2.0"},
                                             {"info", json::Object{{"title", "Asya"}, {"version", "v1alpha1"}}},
                                             {"paths", json::Object{}},
                                             {"definitions", model::OpenApiDefinitions()}});
  ReplaceAll(text, "#/components/schemas/", "#/definitions/");
  return text;
}

http::Response ServeVersion(const Document& document, const std::string& path, const http::Request& request) {
  const std::string asked = request.Query("hash").value_or("");
  if (!asked.empty() && asked != document.hash) {
    http::Response moved;
    moved.status = 301;
    moved.headers.Set("Location", "/openapi/v3/" + path + "?hash=" + document.hash);
    return moved;
  }
  http::Response response = Serve(document, request);
  if (!asked.empty()) response.headers.Set("Cache-Control", "public, immutable, max-age=31536000");
  return response;
}

}  // namespace

OpenApi::OpenApi() {
  json::Object index;
  for (const Resource& resource : Resources()) {
    const std::string path = resource.group.empty() ? "api/v1" : "apis/" + resource.ApiVersion();
    if (versions_.contains(path)) continue;
    Document document = MakeDocument(VersionDocument(resource.group, resource.version));
    index[path] = json::Object{{"serverRelativeURL", "/openapi/v3/" + path + "?hash=" + document.hash}};
    versions_[path] = std::move(document);
  }
  index_ = MakeDocument(json::Dump(json::Object{{"paths", std::move(index)}}));
  v2_ = MakeDocument(Version2Document());
}

std::optional<Outcome<http::Response>> OpenApi::Handle(const http::Request& request) const {
  constexpr std::string_view kPrefix = "/openapi/v3";
  const std::string& path = request.path;
  if (path.rfind("/openapi/", 0) != 0) return std::nullopt;
  if (!AcceptsJson(request.headers.Get("Accept").value_or(""))) {
    return Outcome<http::Response>(NotAcceptable("application/json"));
  }
  if (path == "/openapi/v2") return Outcome<http::Response>(Serve(v2_, request));
  if (path == kPrefix) return Outcome<http::Response>(Serve(index_, request));
  if (path.rfind(std::string(kPrefix) + "/", 0) == 0) {
    const auto found = versions_.find(path.substr(kPrefix.size() + 1));
    if (found != versions_.end()) {
      return Outcome<http::Response>(ServeVersion(found->second, found->first, request));
    }
  }
  return Outcome<http::Response>(PathNotFound());
}

}  // namespace asya::apiserver
