#include "webhooks/injection.h"

#include <cstddef>
#include <optional>

#include "ports/resource.h"
#include "webhooks/merge.h"
#include "webhooks/pod.h"
#include "webhooks/reserved.h"

namespace asya::webhooks {

using ports::AnnotationOf;

namespace {

constexpr const char* kRelay = "asya-relay";
constexpr std::string_view kOurVolumes = "asya-";

std::string NamesOf(const json::Array& list) {
  std::string text;
  for (const json::Value& one : list) text += (text.empty() ? "" : ", ") + one.GetString("name").value_or("");
  return text;
}

// The container that runs the handler; empty with an endpoint.
Result<std::string> HandlerContainer(const Pod& pod, const ports::InjectedParts& parts) {
  if (parts.runtime.IsNull()) return std::string();
  const json::Array& containers = pod.List("containers");
  const std::string field = "metadata.annotations[" + std::string(kContainerAnnotation) + "]";
  const std::string named = AnnotationOf(pod.object(), kContainerAnnotation);
  if (named.empty() && containers.size() == 1) return containers.front().GetString("name").value_or("");
  if (named.empty()) {
    return Invalid(field, "Required value: the pod has several containers (" + NamesOf(containers) +
                              "); name here the one that runs the handler");
  }
  if (FindNamed(containers, named) == nullptr || IsReservedContainer(named)) {
    return Invalid(field, "Invalid value: " + json::Quote(named) + ": the pod has the containers " +
                              NamesOf(containers) + "; name one of them");
  }
  return named;
}

// Changes the entry of that name where it lacks something; gives what it is then, nullopt where there is none.
std::optional<json::Value> MergeInto(Pod& pod, const std::string& list, const std::string& name,
                                     const json::Value& wanted) {
  const json::Array& all = pod.List(list);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].GetString("name") != name) continue;
    json::Value merged = MergeContainer(all[i], wanted);
    if (merged != all[i]) pod.ReplaceAt(list, i, merged);
    return merged;
  }
  return std::nullopt;
}

// As whom the handler's container runs: it shares sockets and files with this one, and what the pod has to be may stand
// in its containers alone.
json::Value RunAsHandler(json::Value container, const json::Value& handler) {
  const json::Value* own = handler.Find("securityContext");
  if (own == nullptr) return container;
  for (const char* field : {"runAsGroup", "runAsNonRoot", "runAsUser", "seccompProfile"}) {
    const json::Value* value = own->Find(field);
    if (value != nullptr) container["securityContext"][field] = *value;
  }
  return container;
}

void AddContainers(Pod& pod, const std::string& handler, const ports::InjectedParts& parts) {
  std::optional<json::Value> runtime;
  if (!handler.empty()) runtime = MergeInto(pod, "containers", handler, parts.runtime);
  // It starts first and ends last. Where others have put something before it since, it stays where it is: two that
  // both want to be first would never agree.
  if (!MergeInto(pod, "initContainers", kRelay, parts.relay)) pod.Prepend("initContainers", parts.relay);
  for (const json::Value& container : parts.containers) {
    const std::string name = container.GetString("name").value_or("");
    const json::Value wanted = runtime ? RunAsHandler(container, *runtime) : container;
    if (!MergeInto(pod, "containers", name, wanted)) pod.Append("containers", wanted);
  }
}

Status AddVolumes(Pod& pod, const ports::InjectedParts& parts) {
  const json::Array& present = pod.List("volumes");
  for (const json::Value& wanted : parts.volumes) {
    const std::string name = wanted.GetString("name").value_or("");
    std::size_t at = 0;
    while (at < present.size() && present[at].GetString("name") != name) ++at;
    if (at == present.size()) {
      pod.Append("volumes", wanted);
    } else if (Covers(present[at], wanted)) {
      continue;
    } else if (name.starts_with(kOurVolumes)) {
      pod.ReplaceAt("volumes", at, wanted);
    } else {
      return Invalid("spec.volumes[" + std::to_string(at) + "].name",
                     json::Quote(name) + " is a volume of the AsyncActor too, of another kind; rename one of them");
    }
  }
  return Ok();
}

void AddPullSecrets(Pod& pod, const ports::InjectedParts& parts) {
  for (const json::Value& secret : parts.pull_secrets) {
    if (FindNamed(pod.List("imagePullSecrets"), secret.GetString("name").value_or("")) == nullptr) {
      pod.Append("imagePullSecrets", secret);
    }
  }
}

void Annotate(Pod& pod, const char* name, const std::string& value) {
  if (AnnotationOf(pod.object(), name) != value) pod.Annotate(name, value);
}

}  // namespace

Result<json::Array> Inject(const json::Value& object, const std::string& actor, const ports::InjectedParts& parts) {
  ASYA_TRY(Pod pod, Pod::Read(object));
  ASYA_TRY(const std::string handler, HandlerContainer(pod, parts));
  // What bears our names later was put in by us.
  if (AnnotationOf(object, kInjectedAnnotation).empty()) ASYA_TRY_STATUS(CheckReserved(pod, parts, handler));
  AddContainers(pod, handler, parts);
  ASYA_TRY_STATUS(AddVolumes(pod, parts));
  AddPullSecrets(pod, parts);
  constexpr const char* kGrace = "terminationGracePeriodSeconds";
  if (pod.spec().GetInt(kGrace).value_or(0) < parts.grace_seconds) pod.SetInSpec(kGrace, parts.grace_seconds);
  Annotate(pod, kInjectedAnnotation, actor);
  if (!handler.empty()) Annotate(pod, kContainerAnnotation, handler);
  return pod.TakeOperations();
}

Status CheckInjected(const json::Value& object) {
  ASYA_TRY(const Pod pod, Pod::Read(object));
  const json::Array& containers = pod.List("containers");
  for (std::size_t i = 0; i < containers.size(); ++i) {
    const std::string name = containers[i].GetString("name").value_or("");
    if (name != kRelay && name != "asya-runtime") continue;
    return Invalid("spec.containers[" + std::to_string(i) + "].name",
                   json::Quote(name) +
                       " is reserved: the relay is a native sidecar among spec.initContainers; remove "
                       "the container");
  }
  const json::Value* relay = FindNamed(pod.List("initContainers"), kRelay);
  if (relay == nullptr) {
    return Invalid("spec.initContainers",
                   "the relay of the actor is missing: the webhook asya-injection was not "
                   "called, or another one has taken it out");
  }
  if (relay->GetString("restartPolicy") != "Always") {
    return Invalid("spec.initContainers",
                   "asya-relay has to have restartPolicy: Always, or the pod would wait for its "
                   "end; another webhook has taken that out");
  }
  return Ok();
}

}  // namespace asya::webhooks
