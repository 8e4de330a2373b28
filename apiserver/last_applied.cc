#include "apiserver/last_applied.h"

#include <utility>

#include "apiserver/body.h"
#include "apiserver/object.h"
#include "core/json/parse.h"
#include "model/ownership/structure.h"

namespace asya::apiserver {
namespace {

constexpr std::size_t kLastAppliedsLimitBytes = 256U << 10U;

// The annotation's text; empty where there is none.
std::string LastApplied(const json::Value& object) {
  const json::Value* annotations = object.FindPath({"metadata", "annotations"});
  return annotations == nullptr ? std::string() : annotations->GetString(kLastApplied).value_or("");
}

std::size_t SizeOf(const json::Object& annotations) {
  std::size_t total = 0;
  for (const auto& [name, value] : annotations) total += name.size() + (value.IsString() ? value.AsString().size() : 0);
  return total;
}

}  // namespace

std::optional<model::FieldSet> FieldsOfLastApplied(const Resource& resource, const json::Value& live) {
  const std::string text = LastApplied(live);
  if (text.empty()) return std::nullopt;
  json::ParseOptions options;
  options.depth_limit = kBodyDepthLimit;
  const auto last = json::Parse(text, options);
  if (!last.ok() || last->GetString("apiVersion") != resource.ApiVersion()) return std::nullopt;
  const model::Schema& schema = resource.kind.schema;
  const model::Comparison since = model::Compare(schema, *last, live);
  return model::Difference(model::FieldsOf(schema, *last),
                           model::Union(since.modified, model::Union(since.added, since.removed)));
}

void RenewLastApplied(const json::Value& config, json::Value& object) {
  if (LastApplied(object).empty()) return;
  json::Value copy = config;
  if (json::Value* annotations = MetadataOf(copy).Find("annotations");
      annotations != nullptr && annotations->IsObject()) {
    annotations->AsObject().erase(kLastApplied);
  }
  json::Object& annotations = MetadataOf(object)["annotations"].AsObject();
  annotations[kLastApplied] = json::Dump(copy) + "\n";
  if (SizeOf(annotations) > kLastAppliedsLimitBytes) annotations.erase(kLastApplied);
}

}  // namespace asya::apiserver
