#include "webhooks/pod.h"

#include <array>
#include <utility>

#include "core/json/pointer.h"

namespace asya::webhooks {
namespace {

constexpr std::array<std::string_view, 4> kLists = {"containers", "initContainers", "volumes", "imagePullSecrets"};

Status CheckList(const json::Value& spec, std::string_view name) {
  const json::Value* list = spec.Find(name);
  const std::string field = "spec." + std::string(name);
  if (list == nullptr || list->IsNull()) return Ok();
  if (!list->IsArray()) return Invalid(field, std::string("got ") + list->TypeName() + "; a list is accepted");
  for (const json::Value& entry : list->AsArray()) {
    if (!entry.IsObject()) return Invalid(field, std::string("holds ") + entry.TypeName() + "; objects are accepted");
  }
  return Ok();
}

}  // namespace

Result<Pod> Pod::Read(const json::Value& object) {
  const json::Value* metadata = object.Find("metadata");
  const json::Value* spec = object.Find("spec");
  if (metadata == nullptr || !metadata->IsObject()) return Invalid("metadata", "Required value");
  if (spec == nullptr || !spec->IsObject()) return Invalid("spec", "Required value");
  for (const std::string_view list : kLists) {
    if (Status status = CheckList(*spec, list); !status.ok()) return status.error();
  }
  return Pod(object);
}

const json::Array& Pod::List(std::string_view name) const {
  static const json::Array none;
  const json::Value* list = spec().Find(name);
  return list != nullptr && list->IsArray() ? list->AsArray() : none;
}

void Pod::Add(const char* operation, std::string path, json::Value value) {
  operations_.push_back(json::Object{{"op", operation}, {"path", std::move(path)}, {"value", std::move(value)}});
}

bool Pod::MakeList(const std::string& list, json::Value& value) {
  const json::Value* found = spec().Find(list);
  if (found != nullptr && found->IsArray()) return true;
  if (std::exchange(made_[list], true)) return true;
  Add("add", "/spec/" + list, json::Array{std::move(value)});
  return false;
}

void Pod::ReplaceAt(const std::string& list, std::size_t index, json::Value value) {
  Add("replace", "/spec/" + list + "/" + std::to_string(index), std::move(value));
}

void Pod::Append(const std::string& list, json::Value value) {
  if (MakeList(list, value)) Add("add", "/spec/" + list + "/-", std::move(value));
}

void Pod::Prepend(const std::string& list, json::Value value) {
  if (MakeList(list, value)) Add("add", "/spec/" + list + "/0", std::move(value));
}

void Pod::SetInSpec(const std::string& field, json::Value value) { Add("add", "/spec/" + field, std::move(value)); }

void Pod::Annotate(const std::string& name, const std::string& value) {
  const json::Value* found = object_->FindPath({"metadata", "annotations"});
  if ((found == nullptr || !found->IsObject()) && !std::exchange(made_["/annotations"], true)) {
    Add("add", "/metadata/annotations", json::Object{{name, value}});
    return;
  }
  Add("add", "/metadata/annotations/" + json::EscapeToken(name), value);
}

}  // namespace asya::webhooks
