#include "apiserver/delete_options.h"

#include <algorithm>
#include <utility>

#include "apiserver/body.h"
#include "apiserver/options.h"
#include "apiserver/protobuf.h"

namespace asya::apiserver {
namespace {

StatusError InvalidDelete(const std::string& field, const char* reason, std::string message) {
  return InvalidOptions("DeleteOptions", {{field, reason, std::move(message)}});
}

// Typed clients send options so, whatever they delete.
Outcome<json::Value> DecodeProtobufOptions(const Call& call) {
  auto decoded = DecodeProtobufObject(call.request.body);
  if (!decoded.ok()) return BadRequest("the body is " + decoded.error().message);
  return std::move(decoded).value();
}

// The body, or an empty object.
Outcome<json::Value> ReadBody(const Call& call) {
  const std::string type = MediaTypeOf(call.request);
  if (call.request.body.empty()) return json::Value(json::Object{});
  const bool protobuf = type == kProtobufType;
  if (!type.empty() && type != "application/json" && !protobuf) {
    return UnsupportedMediaType("the body of the request was in an unknown format (" + type +
                                ") - accepted media types include: application/json");
  }
  ASYA_TRY(json::Value body, protobuf ? DecodeProtobufOptions(call) : DecodeJson(call));
  if (!body.IsObject()) return BadRequest(std::string("the body is of type ") + body.TypeName() + ", not an object");
  const std::string kind = body.GetString("kind").value_or("");
  if (!kind.empty() && kind != "DeleteOptions")
    return BadRequest("the body must be of kind DeleteOptions, not " + kind);
  return body;
}

// What the policy and its deprecated form say together.
Outcome<Propagation> ReadPropagation(const std::string& policy, std::optional<bool> orphan) {
  if (orphan && !policy.empty()) {
    return InvalidDelete(
        "propagationPolicy", "FieldValueInvalid",
        "Invalid value: " + json::Quote(policy) + ": orphanDependents and deletionPropagation cannot be both set");
  }
  if (orphan) return *orphan ? Propagation::kOrphan : Propagation::kBackground;
  if (policy.empty()) return Propagation::kDefault;
  if (policy == "Background") return Propagation::kBackground;
  if (policy == "Foreground") return Propagation::kForeground;
  if (policy == "Orphan") return Propagation::kOrphan;
  return InvalidDelete("propagationPolicy", "FieldValueNotSupported",
                       "Unsupported value: " + json::Quote(policy) +
                           R"(: supported values: "Foreground", "Background", "Orphan", "nil")");
}

Outcome<Done> ReadDryRun(const Call& call, const json::Value& body, bool& dry_run) {
  std::vector<std::string> values;
  for (const auto& [name, value] : call.request.query) {
    if (name == "dryRun") values.push_back(value);
  }
  if (const json::Value* list = body.Find("dryRun"); list != nullptr && list->IsArray()) {
    for (const json::Value& item : list->AsArray()) {
      values.push_back(item.IsString() ? item.AsString() : json::Dump(item));
    }
  }
  ASYA_TRY(dry_run, ParseDryRun(values, "DeleteOptions"));
  return Done{};
}

Outcome<Done> ReadGracePeriod(const Call& call, const json::Value& body) {
  const json::Value* given = body.Find("gracePeriodSeconds");
  const std::string text =
      given == nullptr || given->IsNull() ? call.request.Query("gracePeriodSeconds").value_or("") : json::Dump(*given);
  // Nothing here ends gracefully by time; only what could never be meant is refused.
  const bool digits = text.find_first_not_of("0123456789") == std::string::npos;
  if (!text.empty() && !digits) {
    return InvalidDelete("gracePeriodSeconds", "FieldValueInvalid", "Invalid value: " + text + ": must be 0 or more");
  }
  return Done{};
}

Outcome<Done> ReadPreconditions(const json::Value& body, RemoveOptions& options) {
  const json::Value* preconditions = body.Find("preconditions");
  if (preconditions == nullptr) return Done{};
  options.uid = preconditions->GetString("uid");
  const auto revision = preconditions->GetString("resourceVersion");
  if (!revision) return Done{};
  options.revision = ParseRevision(*revision);
  if (!options.revision) return BadRequest("preconditions.resourceVersion: \"" + *revision + "\" is no revision");
  return Done{};
}

}  // namespace

Outcome<DeleteOptions> ParseDeleteOptions(const Call& call) {
  ASYA_TRY(const json::Value body, ReadBody(call));
  DeleteOptions options;
  ASYA_TRY([[maybe_unused]] const Done dry_run, ReadDryRun(call, body, options.remove.dry_run));
  ASYA_TRY([[maybe_unused]] const Done grace, ReadGracePeriod(call, body));
  std::string policy = body.GetString("propagationPolicy").value_or("");
  if (policy.empty()) policy = call.request.Query("propagationPolicy").value_or("");
  std::optional<bool> orphan = body.GetBool("orphanDependents");
  if (const auto asked = call.request.Query("orphanDependents"); !orphan && asked) orphan = *asked != "false";
  ASYA_TRY(options.remove.propagation, ReadPropagation(policy, orphan));
  options.old_cascade = orphan.has_value() && !*orphan;
  ASYA_TRY([[maybe_unused]] const Done preconditions, ReadPreconditions(body, options.remove));
  return options;
}

}  // namespace asya::apiserver
