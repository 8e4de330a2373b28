#include "model/validate/causes.h"
#include "model/validate/syntax.h"

namespace asya::model {
namespace {

constexpr std::size_t kAnnotationsLimitBytes = 256U << 10U;
constexpr const char* kNameWords =
    "must be at most 253 lower case letters, digits, '-' or '.', and start and end with a letter or digit";
constexpr const char* kKeyWords =
    "must be a name of at most 63 letters, digits, '-', '_' or '.', with an optional DNS prefix and '/' before it";
constexpr const char* kLabelWords =
    "must be at most 63 letters, digits, '-', '_' or '.', and start and end with a letter or digit";

std::string Entry(const std::string& path, const std::string& key) { return path + "[" + key + "]"; }

void CheckName(const KindInfo& kind, const json::Value& metadata, Causes& causes) {
  const auto name = metadata.GetString("name");
  const auto prefix = metadata.GetString("generateName");
  if (!name || name->empty()) {
    if (!prefix || prefix->empty()) AddRequired(causes, "metadata.name", "name or generateName is required");
  } else if (!IsDnsSubdomain(*name)) {
    AddInvalid(causes, "metadata.name", *name, kNameWords);
  }
  if (prefix && !prefix->empty() && !IsDnsSubdomain(*prefix + "x"))
    AddInvalid(causes, "metadata.generateName", *prefix, kNameWords);
  const auto namespace_ = metadata.GetString("namespace");
  if (!namespace_ || namespace_->empty()) return;
  if (!kind.namespaced) {
    AddForbidden(causes, "metadata.namespace", "not allowed on this kind, which belongs to no namespace");
  } else if (!IsDnsLabel(*namespace_)) {
    AddInvalid(causes, "metadata.namespace", *namespace_, "must be at most 63 lower case letters, digits or '-'");
  }
}

void CheckLabels(const json::Value* labels, const std::string& path, Causes& causes) {
  if (labels == nullptr || !labels->IsObject()) return;
  for (const auto& [key, value] : labels->AsObject()) {
    if (!IsQualifiedName(key)) AddInvalid(causes, path, key, kKeyWords);
    if (value.IsString() && !IsLabelValue(value.AsString())) AddInvalid(causes, Entry(path, key), value, kLabelWords);
  }
}

void CheckAnnotations(const json::Value* annotations, const std::string& path, Causes& causes) {
  if (annotations == nullptr || !annotations->IsObject()) return;
  std::size_t total = 0;
  for (const auto& [key, value] : annotations->AsObject()) {
    if (!IsQualifiedName(key)) AddInvalid(causes, path, key, kKeyWords);
    total += key.size() + (value.IsString() ? value.AsString().size() : 0);
  }
  if (total > kAnnotationsLimitBytes) AddTooLong(causes, path, kAnnotationsLimitBytes);
}

void CheckOwners(const json::Value* owners, Causes& causes) {
  if (owners == nullptr || !owners->IsArray()) return;
  int controllers = 0;
  for (const json::Value& owner : owners->AsArray()) {
    if (owner.GetBool("controller").value_or(false) && ++controllers == 2) {
      AddInvalid(causes, "metadata.ownerReferences", *owners, "only one owner may have controller set to true");
    }
  }
}

}  // namespace

void CheckMetadata(const KindInfo& kind, const json::Value& object, Causes& causes) {
  const json::Value* metadata = object.Find("metadata");
  if (metadata == nullptr || metadata->IsNull())
    return AddRequired(causes, "metadata.name", "name or generateName is required");
  if (!metadata->IsObject()) return;
  CheckName(kind, *metadata, causes);
  CheckLabels(metadata->Find("labels"), "metadata.labels", causes);
  CheckAnnotations(metadata->Find("annotations"), "metadata.annotations", causes);
  CheckOwners(metadata->Find("ownerReferences"), causes);
  const json::Value* finalizers = metadata->Find("finalizers");
  if (finalizers == nullptr || !finalizers->IsArray()) return;
  for (std::size_t i = 0; i < finalizers->AsArray().size(); ++i) {
    const json::Value& finalizer = finalizers->AsArray()[i];
    if (finalizer.IsString() && !IsQualifiedName(finalizer.AsString())) {
      AddInvalid(causes, "metadata.finalizers[" + std::to_string(i) + "]", finalizer, kKeyWords);
    }
  }
}

}  // namespace asya::model
