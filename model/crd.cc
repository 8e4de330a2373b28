#include "model/crd.h"

#include <string>
#include <string_view>
#include <utility>

#include "model/openapi.h"

namespace asya::model {
namespace {

constexpr std::string_view kConditionPrefix = "condition:";

// An OpenAPI schema of ours as a structural one.
void MakeStructural(json::Value& schema) {
  if (schema.Find("x-kubernetes-int-or-string") != nullptr) {
    schema["anyOf"] = json::Array{json::Object{{"type", "integer"}}, json::Object{{"type", "string"}}};
  }
  if (json::Value* properties = schema.Find("properties")) {
    for (auto& [name, property] : properties->AsObject()) MakeStructural(property);
  }
  for (const char* member : {"items", "additionalProperties"}) {
    if (json::Value* inner = schema.Find(member)) MakeStructural(*inner);
  }
}

json::Value SchemaOf(const KindInfo& kind) {
  json::Value schema = OpenApiOf(kind.schema);
  // The cluster knows what metadata is, and lets nobody say it again.
  schema["properties"]["metadata"] = json::Object{{"type", "object"}};
  MakeStructural(schema);
  return schema;
}

std::string JsonPath(std::string_view path) {
  if (path.substr(0, kConditionPrefix.size()) != kConditionPrefix) return "." + std::string(path);
  return ".status.conditions[?(@.type==\"" + std::string(path.substr(kConditionPrefix.size())) + "\")].status";
}

json::Array ColumnsOf(const KindInfo& kind) {
  json::Array columns;
  for (const Column& column : kind.columns) {
    if (column.format == "name") continue;  // the cluster prints it by itself
    json::Object item{{"name", column.name},
                      {"type", column.type},
                      {"description", column.description},
                      {"jsonPath", JsonPath(column.path)}};
    if (column.priority != 0) item["priority"] = column.priority;
    columns.push_back(std::move(item));
  }
  return columns;
}

json::Array Strings(const std::vector<std::string>& values) {
  json::Array array;
  for (const std::string& value : values) array.push_back(value);
  return array;
}

}  // namespace

json::Value CustomResourceDefinition(const KindInfo& kind) {
  json::Object names{
      {"kind", kind.kind}, {"listKind", kind.kind + "List"}, {"plural", kind.plural}, {"singular", kind.singular}};
  if (!kind.short_names.empty()) names["shortNames"] = Strings(kind.short_names);
  if (!kind.categories.empty()) names["categories"] = Strings(kind.categories);
  json::Object subresources;
  if (kind.has_status) subresources["status"] = json::Object{};
  if (kind.has_scale) {
    subresources["scale"] = json::Object{{"specReplicasPath", ".spec.replicas"},
                                         {"statusReplicasPath", ".status.infrastructure.workload.replicas"}};
  }
  json::Object version{{"name", std::string(kVersion)},
                       {"served", true},
                       {"storage", true},
                       {"schema", json::Object{{"openAPIV3Schema", SchemaOf(kind)}}}};
  if (json::Array columns = ColumnsOf(kind); !columns.empty()) {
    version["additionalPrinterColumns"] = std::move(columns);
  }
  if (!subresources.empty()) version["subresources"] = std::move(subresources);
  json::Object spec{{"group", std::string(kGroup)},
                    {"names", std::move(names)},
                    {"scope", kind.namespaced ? "Namespaced" : "Cluster"},
                    {"versions", json::Array{std::move(version)}}};
  return json::Object{{"apiVersion", "apiextensions.k8s.io/v1"},
                      {"kind", "CustomResourceDefinition"},
                      {"metadata", json::Object{{"name", kind.plural + "." + std::string(kGroup)}}},
                      {"spec", std::move(spec)}};
}

}  // namespace asya::model
