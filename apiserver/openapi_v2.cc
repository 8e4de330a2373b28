#include "apiserver/openapi_v2.h"

#include <utility>

namespace asya::apiserver {
namespace {

constexpr std::string_view kOldPrefix = "#/components/schemas/";
constexpr std::string_view kNewPrefix = "#/definitions/";

std::string MovedReference(const std::string& reference) {
  ASYA_CHECK(reference.rfind(kOldPrefix, 0) == 0);
  return std::string(kNewPrefix) + reference.substr(kOldPrefix.size());
}

json::Value ConvertSchema(const json::Value& schema);

// A reference with a description of its own is one of v3.0's allOf with a single part; v2 writes it side by side.
json::Value ConvertReference(const json::Value& schema, const json::Value& part) {
  json::Object out{{"$ref", MovedReference(part.GetString("$ref").value())}};
  if (const auto words = schema.GetString("description")) out["description"] = *words;
  return out;
}

json::Value ConvertMembers(const json::Value& members) {
  json::Object out;
  for (const auto& [name, member] : members.AsObject()) out[name] = ConvertSchema(member);
  return out;
}

json::Value ConvertSchema(const json::Value& schema) {
  if (schema.Find("$ref") != nullptr) return ConvertReference(schema, schema);
  if (const json::Value* parts = schema.Find("allOf")) return ConvertReference(schema, parts->AsArray().front());
  json::Object out;
  // Whoever validates by v2, as kubectl does with a List, refuses what is not among the properties; so there are none,
  // as with CustomResourceDefinitions.
  const bool open = schema.GetBool("x-kubernetes-preserve-unknown-fields").value_or(false);
  for (const auto& [key, value] : schema.AsObject()) {
    if (open && (key == "properties" || key == "required")) continue;
    if (key == "properties") {
      out[key] = ConvertMembers(value);
    } else if (key == "items" || key == "additionalProperties") {
      out[key] = ConvertSchema(value);
    } else if (key != "anyOf") {  // v2 has none: x-kubernetes-int-or-string says it
      out[key] = value;
    }
  }
  return out;
}

json::Value ConvertParameter(const json::Value& parameter) {
  json::Value out = parameter;
  out.AsObject().erase("schema");
  for (const auto& [key, value] : parameter.Find("schema")->AsObject()) out[key] = value;
  return out;
}

// The schema of one of the content types; they all have the same.
json::Value ConvertContent(const json::Value& content) {
  return ConvertSchema(*content.AsObject().begin()->second.Find("schema"));
}

json::Value ConvertOperation(const json::Value& operation) {
  json::Object out;
  json::Array parameters;
  for (const auto& [key, value] : operation.AsObject()) {
    if (key != "parameters" && key != "requestBody" && key != "responses") out[key] = value;
  }
  if (const json::Value* body = operation.Find("requestBody")) {
    json::Array consumes;
    for (const auto& [type, content] : body->Find("content")->AsObject()) consumes.push_back(type);
    out["consumes"] = std::move(consumes);
    json::Object parameter{{"name", "body"}, {"in", "body"}, {"schema", ConvertContent(*body->Find("content"))}};
    if (body->GetBool("required").value_or(false)) parameter["required"] = true;
    parameters.push_back(std::move(parameter));
  }
  for (const json::Value& parameter : operation.Find("parameters")->AsArray()) {
    parameters.push_back(ConvertParameter(parameter));
  }
  if (!parameters.empty()) out["parameters"] = std::move(parameters);
  out["produces"] = json::Array{"application/json"};
  json::Object responses;
  for (const auto& [code, response] : operation.Find("responses")->AsObject()) {
    responses[code] = json::Object{{"description", *response.Find("description")},
                                   {"schema", ConvertContent(*response.Find("content"))}};
  }
  out["responses"] = std::move(responses);
  return out;
}

json::Value ConvertPath(const json::Value& path) {
  json::Object out;
  for (const auto& [key, value] : path.AsObject()) {
    if (key != "parameters") {
      out[key] = ConvertOperation(value);
      continue;
    }
    json::Array parameters;
    for (const json::Value& parameter : value.AsArray()) parameters.push_back(ConvertParameter(parameter));
    out[key] = std::move(parameters);
  }
  return out;
}

}  // namespace

json::Value ToSwagger(const std::vector<json::Value>& documents) {
  json::Object paths;
  json::Object definitions;
  for (const json::Value& document : documents) {
    for (const auto& [name, path] : document.Find("paths")->AsObject()) paths[name] = ConvertPath(path);
    for (const auto& [name, schema] : document.FindPath({"components", "schemas"})->AsObject()) {
      definitions[name] = ConvertSchema(schema);
    }
  }
  return json::Object{{"swagger", "2.0"},
                      {"info", json::Object{{"title", "Asya"}, {"version", "v1alpha1"}}},
                      {"paths", std::move(paths)},
                      {"definitions", std::move(definitions)}};
}

}  // namespace asya::apiserver
