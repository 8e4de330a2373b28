#include "model/validate/causes.h"
#include "model/validate/syntax.h"

namespace asya::model {
namespace {

constexpr const char* kActorWords =
    "must be at most 54 lower case letters, digits or '-', and start and end with a letter or digit";
constexpr std::size_t kGeneratedSuffixBytes = 5;

bool IsSystemObject(const json::Value& object) {
  const json::Value* label = object.FindPath({"metadata", "labels", "asya.sh/system"});
  return label != nullptr && label->IsString() && label->AsString() == "true";
}

// The name stands for the identity where the actor gives none, and names the children in any case.
void CheckActorName(const json::Value& object, bool own_identity, Causes& causes) {
  const json::Value* metadata = object.Find("metadata");
  if (metadata == nullptr) return;
  const std::string name = metadata->GetString("name").value_or("");
  if (name.empty()) {
    const std::string prefix = metadata->GetString("generateName").value_or("");
    if (!own_identity && prefix.size() + kGeneratedSuffixBytes > kActorNameLimitBytes) {
      AddInvalid(causes, "metadata.generateName", prefix,
                 "must be at most 49 bytes, so that the name fits an actor name");
    }
  } else if (!own_identity && IsDnsSubdomain(name) && !IsDnsLabel(name, kActorNameLimitBytes)) {
    AddInvalid(causes, "metadata.name", name, std::string(kActorWords) + "; or set spec.actor");
  } else if (name.size() > kDnsLabelLimitBytes && IsDnsSubdomain(name)) {
    AddTooLong(causes, "metadata.name", kDnsLabelLimitBytes);
  }
}

bool IsCountOrPercentage(std::string_view text) {
  if (!text.empty() && text.back() == '%') text.remove_suffix(1);
  return !text.empty() && text.size() <= 5 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Annotations of ours that ask for something; the others are for the reconciler and the local cluster.
void CheckActorAnnotations(const json::Value& object, Causes& causes) {
  const json::Value* annotations = object.FindPath({"metadata", "annotations"});
  if (annotations == nullptr || !annotations->IsObject()) return;
  const auto account = annotations->GetString("asya.sh/service-account");
  if (account && *account != "create") {
    AddNotSupported(causes, "metadata.annotations[asya.sh/service-account]", *account, {"create"});
  }
  const auto unavailable = annotations->GetString("asya.sh/max-unavailable");
  if (unavailable && !IsCountOrPercentage(*unavailable)) {
    AddInvalid(causes, "metadata.annotations[asya.sh/max-unavailable]", *unavailable,
               "must be a number or a percentage such as \"1\" or \"50%\"");
  }
}

}  // namespace

void CheckActorIdentity(const json::Value& object, const json::Value* old, Causes& causes) {
  const json::Value* own = object.FindPath({"spec", "actor"});
  CheckActorName(object, own != nullptr, causes);
  CheckActorAnnotations(object, causes);
  const std::string identity = ActorIdentity(object);
  const std::string field = own != nullptr ? "spec.actor" : "metadata.name";
  if (IsSystemEnd(identity) && !IsSystemObject(object)) {
    AddForbidden(causes, field,
                 json::Quote(identity) + " is a system actor, made by the control plane in every namespace");
  }
  if (old != nullptr && (own == nullptr || own->IsString()) && ActorIdentity(*old) != identity) {
    AddInvalid(causes, "spec.actor", identity, "field is immutable: it is " + json::Quote(ActorIdentity(*old)));
  }
}

void CheckActorSource(const json::Value& spec, bool flavored, Causes& causes) {
  const bool endpoint = spec.Find("endpoint") != nullptr;
  const bool workload = spec.Find("workloadRef") != nullptr;
  const std::string image = spec.GetString("image").value_or("");
  const std::string handler = spec.GetString("handler").value_or("");
  // An empty text is named by the format check where there is one to name.
  if (spec.Find("image") == nullptr && !endpoint && !workload && !flavored) {
    AddRequired(causes, "spec.image", "unless endpoint or workloadRef is set");
  }
  if (spec.Find("handler") == nullptr && !endpoint && !flavored)
    AddRequired(causes, "spec.handler", "unless endpoint is set");
  if (endpoint && !handler.empty()) AddForbidden(causes, "spec.handler", "give either handler or endpoint");
  if (workload && !image.empty()) AddForbidden(causes, "spec.image", "the pods of workloadRef have their own image");
}

void CheckActorSpec(const json::Value& spec, bool whole, Causes& causes) {
  CheckScaling(spec, whole, causes);
  CheckResiliency(spec, whole, causes);
  CheckPod(spec, causes);
  const json::Value* states = spec.Find("stateProxy");
  if (states == nullptr || !states->IsArray()) return;
  for (std::size_t i = 0; i < states->AsArray().size(); ++i) {
    const json::Value* connector = states->AsArray()[i].Find("connector");
    if (connector == nullptr || !connector->IsObject()) continue;
    const std::string path = "spec.stateProxy[" + std::to_string(i) + "].connector";
    const bool image = connector->Find("image") != nullptr;
    const bool type = connector->Find("type") != nullptr;
    if (!image && !type) AddRequired(causes, path + ".type", "give either image or type");
    if (image && type) AddForbidden(causes, path + ".type", "give either image or type");
  }
}

}  // namespace asya::model
