#include "model/openapi.h"

#include "model/kinds/schemas.h"

namespace asya::model {
namespace {

constexpr const char* kMetaPrefix = "io.k8s.apimachinery.pkg.apis.meta.v1.";

json::Value Render(const Schema& schema);

std::string Words(const Schema& schema) {
  if (!schema.default_value) return schema.description;
  return schema.description + " Default: " + json::Dump(*schema.default_value) + ".";
}

void RenderString(const Schema& schema, json::Object& out) {
  out["type"] = "string";
  if (schema.format == Format::kDateTime) out["format"] = "date-time";
  if (schema.max_length) out["maxLength"] = static_cast<std::int64_t>(*schema.max_length);
  if (schema.choices.empty()) return;
  json::Array choices;
  for (const std::string& choice : schema.choices) choices.push_back(choice);
  out["enum"] = std::move(choices);
}

void RenderObject(const Schema& schema, json::Object& out) {
  out["type"] = "object";
  json::Object properties;
  json::Array required;
  for (const Schema& field : schema.fields) {
    properties[field.name] = Render(field);
    if (field.required) required.push_back(field.name);
  }
  if (!properties.empty()) out["properties"] = std::move(properties);
  if (!required.empty()) out["required"] = std::move(required);
  if (schema.preserve_unknown) out["x-kubernetes-preserve-unknown-fields"] = true;
}

void RenderList(const Schema& schema, json::Object& out) {
  out["type"] = "array";
  out["items"] = Render(schema.item.front());
  if (schema.max_items) out["maxItems"] = static_cast<std::int64_t>(*schema.max_items);
  switch (schema.list_type) {
    case ListType::kAtomic:
      out["x-kubernetes-list-type"] = "atomic";
      return;
    case ListType::kSet:
      out["x-kubernetes-list-type"] = "set";
      return;
    case ListType::kMap:
      break;
  }
  out["x-kubernetes-list-type"] = "map";
  json::Array keys;
  for (const std::string& key : schema.list_map_keys) keys.push_back(key);
  out["x-kubernetes-list-map-keys"] = std::move(keys);
}

json::Value Render(const Schema& schema) {
  json::Object out;
  if (const std::string words = Words(schema); !words.empty()) out["description"] = words;
  if (schema.atomic) out["x-kubernetes-map-type"] = "atomic";
  if (schema.minimum) out["minimum"] = *schema.minimum;
  if (schema.maximum) out["maximum"] = *schema.maximum;
  switch (schema.type) {
    case SchemaType::kString:
      RenderString(schema, out);
      break;
    case SchemaType::kInteger:
      out["type"] = "integer";
      out["format"] = "int64";
      break;
    case SchemaType::kNumber:
      out["type"] = "number";
      break;
    case SchemaType::kBoolean:
      out["type"] = "boolean";
      break;
    case SchemaType::kObject:
      RenderObject(schema, out);
      break;
    case SchemaType::kMap:
      out["type"] = "object";
      out["additionalProperties"] = Render(schema.item.front());
      break;
    case SchemaType::kList:
      RenderList(schema, out);
      break;
    case SchemaType::kAny:
      out["x-kubernetes-preserve-unknown-fields"] = true;
      break;
    case SchemaType::kQuantity:
      out["x-kubernetes-int-or-string"] = true;
      out["anyOf"] = json::Array{json::Object{{"type", "number"}}, json::Object{{"type", "string"}}};
      break;
  }
  return out;
}

json::Value Reference(const std::string& name) { return json::Object{{"$ref", "#/components/schemas/" + name}}; }

// A reference with its own description, in the form that OpenAPI v3.0 allows.
json::Value Described(const std::string& name, const std::string& description) {
  return json::Object{
      {"allOf", json::Array{Reference(name)}}, {"default", json::Object{}}, {"description", description}};
}

json::Value GroupVersionKind(const std::string& group, const std::string& version, const std::string& kind) {
  return json::Array{json::Object{{"group", group}, {"kind", kind}, {"version", version}}};
}

json::Value Named(const Schema& schema, const std::string& kind) {
  json::Value out = Render(schema);
  if (!kind.empty()) out["x-kubernetes-group-version-kind"] = GroupVersionKind("", "v1", kind);
  return out;
}

Schema ListMeta() {
  return Object("", "Metadata of a list.",
                {
                    String("continue", "Token for the next page."),
                    Integer("remainingItemCount", "How many items follow."),
                    String("resourceVersion", "Version that the list shows."),
                    String("selfLink", "No longer set."),
                });
}

Schema StatusSchema() {
  return Object("", "Outcome of a call that returns no object.",
                {
                    String("apiVersion", "v1."),
                    String("kind", "Status."),
                    Object("metadata", "Metadata of a list.", ListMeta().fields),
                    String("status", "Success or Failure."),
                    String("message", "What happened, for a person."),
                    String("reason", "What happened, in one word."),
                    Integer("code", "HTTP status."),
                    Object("details", "What it happened to.",
                           {
                               String("name", "Name of the object."),
                               String("group", "API group."),
                               String("kind", "Kind or resource."),
                               String("uid", "UID of the object."),
                               Integer("retryAfterSeconds", "When to try again."),
                               List("causes", "Every mistake.",
                                    Object("", "",
                                           {
                                               String("reason", "What kind of mistake."),
                                               String("message", "The value seen and what is accepted."),
                                               String("field", "Path of the field."),
                                           })),
                           }),
                });
}

Schema DeleteOptions() {
  return Object("", "Options of a deletion.",
                {
                    String("apiVersion", "v1."),
                    String("kind", "DeleteOptions."),
                    List("dryRun", "All: check only.", String("", "")),
                    Integer("gracePeriodSeconds", "Seconds until deletion."),
                    Boolean("orphanDependents", "Deprecated: use propagationPolicy."),
                    Object("preconditions", "Must hold for the deletion.",
                           {String("uid", "UID."), String("resourceVersion", "Version.")}),
                    String("propagationPolicy", "What happens to dependents: Orphan, Background or Foreground."),
                });
}

}  // namespace

json::Value OpenApiOf(const Schema& schema) { return Render(schema); }

std::string OpenApiName(const KindInfo& kind) { return "sh.asya.v1alpha1." + kind.kind; }

json::Value OpenApiSchema(const KindInfo& kind) {
  json::Value out = Render(kind.schema);
  out["properties"]["metadata"] = Described(kObjectMetaName, "Standard object metadata.");
  out["x-kubernetes-group-version-kind"] = GroupVersionKind(std::string(kGroup), std::string(kVersion), kind.kind);
  return out;
}

json::Value OpenApiListSchema(const KindInfo& kind) {
  json::Object items = {
      {"description", "The objects."},
      {"items", json::Object{{"allOf", json::Array{Reference(OpenApiName(kind))}}, {"default", json::Object{}}}},
      {"type", "array"}};
  json::Object properties = {{"apiVersion", json::Object{{"description", "asya.sh/v1alpha1."}, {"type", "string"}}},
                             {"items", std::move(items)},
                             {"kind", json::Object{{"description", kind.kind + "List."}, {"type", "string"}}},
                             {"metadata", Described(kListMetaName, "Metadata of the list.")}};
  return json::Object{{"description", "A list of " + kind.kind + "."},
                      {"properties", std::move(properties)},
                      {"required", json::Array{"items"}},
                      {"type", "object"},
                      {"x-kubernetes-group-version-kind",
                       GroupVersionKind(std::string(kGroup), std::string(kVersion), kind.kind + "List")}};
}

json::Value OpenApiScaleSchema() {
  json::Value out = Render(Object(
      "", "How many replicas an object has and should have.",
      {
          String("apiVersion", "autoscaling/v1."),
          String("kind", "Scale."),
          Object("metadata", "", {}),
          Object("spec", "What is wanted.", {Integer("replicas", "How many replicas there should be.").AtLeast(0)}),
          Object("status", "What there is.",
                 {
                     Integer("replicas", "How many replicas there are.").Required(),
                     String("selector", "Labels of the replicas, in the form of a selector."),
                 }),
      }));
  out["properties"]["metadata"] = Described(kObjectMetaName, "Standard object metadata.");
  out["x-kubernetes-group-version-kind"] = GroupVersionKind("autoscaling", "v1", "Scale");
  return out;
}

json::Object OpenApiDefinitions() {
  json::Object definitions;
  for (const KindInfo& kind : Kinds()) {
    definitions[OpenApiName(kind)] = OpenApiSchema(kind);
    definitions[OpenApiName(kind) + "List"] = OpenApiListSchema(kind);
  }
  definitions[kObjectMetaName] = Named(ObjectMetaSchema(), "");
  definitions[kListMetaName] = Named(ListMeta(), "");
  definitions[kStatusName] = Named(StatusSchema(), "Status");
  definitions[std::string(kMetaPrefix) + "DeleteOptions"] = Named(DeleteOptions(), "DeleteOptions");
  definitions[std::string(kMetaPrefix) + "Patch"] =
      json::Object{{"description", "A change to an object."}, {"type", "object"}};
  return definitions;
}

}  // namespace asya::model
