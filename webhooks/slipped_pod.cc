#include "webhooks/slipped_pod.h"

#include <string_view>

#include "ports/resource.h"
#include "webhooks/configurations.h"
#include "webhooks/injection.h"

namespace asya::webhooks {

using ports::AnnotationOf;
using ports::LabelOf;
using ports::MetadataOf;

namespace {

// Whoever counts ends as failures loses more by an eviction than by being told.
constexpr const char* kCountsEnds = "Job";
constexpr const char* kLacks = "the pod asks for a relay (asya.sh/inject) and has none, so it gets no work: ";

// Null where nobody makes another pod in the place of this one.
const json::Value* ControllerOf(const json::Value& pod) {
  const json::Value* owners = pod.FindPath({"metadata", "ownerReferences"});
  if (owners == nullptr || !owners->IsArray()) return nullptr;
  for (const json::Value& owner : owners->AsArray()) {
    if (owner.GetBool("controller") == true) return &owner;
  }
  return nullptr;
}

SlippedPod LeftAlone(const char* reason, const std::string& why) { return {Fate::kLeftAlone, reason, kLacks + why}; }

}  // namespace

bool LacksRelay(const json::Value& pod) {
  if (LabelOf(pod, kInjectLabel) != "true" || !AnnotationOf(pod, kMirrorAnnotation).empty()) return false;
  if (!MetadataOf(pod, "deletionTimestamp").empty()) return false;
  const json::Value* status = pod.Find("status");
  const std::string phase = status == nullptr ? "" : status->GetString("phase").value_or("");
  if (phase == "Succeeded" || phase == "Failed") return false;
  return !CheckInjected(pod).ok();
}

InstalledWebhook ReadInstalled(const json::Value& configuration) {
  InstalledWebhook installed;
  installed.since = MetadataOf(configuration, "creationTimestamp");
  const json::Value* webhooks = configuration.Find("webhooks");
  if (installed.since.empty() || webhooks == nullptr || !webhooks->IsArray()) return installed;
  for (const json::Value& webhook : webhooks->AsArray()) {
    const json::Value* client = webhook.Find("clientConfig");
    if (webhook.GetString("name") != kInjectName || client == nullptr) continue;
    installed.there = !client->GetString("caBundle").value_or("").empty();
  }
  return installed;
}

SlippedPod Judge(const json::Value& pod, const InstalledWebhook& webhook, const Status& again,
                 const std::string& own_namespace) {
  const std::string place = MetadataOf(pod, "namespace");
  if (place == "kube-system" || place == own_namespace) {
    return LeftAlone("RelayMissing", "pods of the namespace " + place +
                                         " are never given one; run it in another namespace, or take the label away");
  }
  if (!webhook.there) {
    return LeftAlone("WebhookMissing", std::string("the webhook ") + kMutatingName +
                                           " is not installed, or names no CA; install it (webhooks.enabled of the "
                                           "chart), and delete the pod or restart its owner");
  }
  if (!again.ok()) {
    return LeftAlone("RelayRefused", "one made now would be refused: " + again.error().message +
                                         "; put that right, and delete the pod or restart its owner");
  }
  if (MetadataOf(pod, "creationTimestamp") >= webhook.since) {
    return LeftAlone("RelayMissing",
                     std::string("it is younger than the webhook ") + kMutatingName +
                         ", which was passed over (failurePolicy: Ignore while no server answered, or a label that "
                         "came later); delete the pod or restart its owner, e.g. kubectl rollout restart");
  }
  const json::Value* controller = ControllerOf(pod);
  const std::string kind = controller == nullptr ? "" : controller->GetString("kind").value_or("");
  if (kind.empty()) {
    return LeftAlone("RelayMissing", std::string("it was made before the webhook ") + kMutatingName +
                                         " was, and nothing makes it anew; delete it and make it again");
  }
  const std::string owner = kind + " " + controller->GetString("name").value_or("");
  if (kind == kCountsEnds) {
    return LeftAlone("RelayMissing", std::string("it was made before the webhook ") + kMutatingName + " was, and " +
                                         owner + " would count its end as a failure; delete the Job and make it again");
  }
  return {Fate::kReplaced, "RelayReplaced",
          std::string(kLacks) + "it was made before the webhook " + kMutatingName +
              " was; it is evicted once the other pods of its actor are ready, and " + owner + " makes it anew"};
}

}  // namespace asya::webhooks
