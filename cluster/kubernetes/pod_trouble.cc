#include "cluster/kubernetes/pod_trouble.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <tuple>

#include "cluster/kubernetes/child_kinds.h"
#include "core/base/utf8.h"

namespace asya::cluster::kubernetes {
namespace {

// One end of a container may be chance. The kubelet waits between more of them, and shows the container as running
// between two ends, so that a word of its own would change with every turn.
constexpr std::int64_t kRestartsOfALoop = 2;

std::string Text(const json::Value& value, std::string_view field) { return value.GetString(field).value_or(""); }

std::string Cut(std::string text) {
  if (text.size() <= kTroubleBytesMax) return text;
  return std::string(CutUtf8(text, kTroubleBytesMax)) + "…";
}

bool Has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// What stands between `begin` and `end`; empty where there is no such place.
std::string Between(std::string_view text, std::string_view begin, std::string_view end) {
  const std::size_t from = text.find(begin);
  if (from == std::string_view::npos) return {};
  text.remove_prefix(from + begin.size());
  return std::string(text.substr(0, text.find(end)));
}

std::string LastLine(std::string text) {
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.pop_back();
  return text.substr(text.rfind('\n') + 1);  // the whole, where there is no other line
}

// While it is tried and while the next try is waited for the same is said in two ways.
std::string PullCause(std::string message) {
  if (message.starts_with("Back-off pulling image")) {
    const std::size_t cause = message.find("\": ");
    message = cause == std::string::npos ? std::string() : message.substr(cause + 3);
  }
  for (const std::string_view word : {"ErrImagePull: ", "rpc error: "}) {
    if (message.starts_with(word)) message.erase(0, word.size());
  }
  return message;
}

Trouble NoImage(const std::string& name, const std::string& image, const std::string& reason, std::string message) {
  static constexpr std::array<std::string_view, 2> kOwnWord = {"InvalidImageName", "ErrImageNeverPull"};
  const bool own = std::ranges::find(kOwnWord, reason) != kOwnWord.end();
  std::string text = name + ": the image \"" + image + "\" cannot be pulled";
  const std::string cause = PullCause(std::move(message));
  if (!cause.empty()) text += ": " + cause;
  return {own ? reason : "ImagePullBackOff", text, true};
}

// The containers of a pod are made of what it names.
Trouble NoConfiguration(const std::string& name, const std::string& image, const std::string& message) {
  if (Has(message, "runAsNonRoot") || Has(message, "non-numeric user")) {
    return {"ImageNeedsRoot",
            name + ": the image \"" + image +
                "\" runs as root or as a user without a number, which runAsNonRoot forbids; build it with a USER that "
                "is a number, or allow it by spec.podSecurityContext: {runAsNonRoot: false, runAsUser: 0}",
            true};
  }
  for (const auto& [kind, word, reason] :
       {std::tuple("Secret", "secret", "SecretMissing"), std::tuple("ConfigMap", "configmap", "ConfigMapMissing")}) {
    const std::string whole = Between(message, std::string(word) + " \"", "\" not found");
    if (!whole.empty() && Has(message, "not found")) {
      return {reason, name + ": there is no " + kind + " " + whole + "; the pod starts by itself once it is there",
              true};
    }
    const std::string holder = Between(message, std::string(" in ") + kind + " ", " ");
    if (!holder.empty()) {
      return {reason,
              name + ": " + kind + " " + holder + " has no key " + Between(message, "find key ", " in ") +
                  "; the pod starts by itself once it is there",
              true};
    }
  }
  return {"CreateContainerConfigError", name + ": " + message, true};
}

Trouble NotStarted(const std::string& name, const std::string& reason, const std::string& message) {
  if (Has(message, "permission denied")) {
    return {"ImageNeedsRoot",
            name + ": " + message +
                "; build the image so that any user may run it, or set spec.podSecurityContext.runAsUser",
            true};
  }
  return {reason, name + ": " + message, true};
}

// What a container said last, of itself: its termination message. Never its log, which may hold payloads.
Trouble Ended(const std::string& name, const json::Value& end, bool loops) {
  const std::string reason = Text(end, "reason");
  if (reason == "OOMKilled") {
    return {"OOMKilled", name + ": was ended because it took more memory than resources.limits.memory; raise it",
            loops};
  }
  const std::string line = LastLine(Text(end, "message"));
  if (reason == "StartError" || reason == "ContainerCannotRun") return NotStarted(name, reason, line);
  const auto signal = end.GetInt("signal");
  std::string text =
      name + ": ended with " +
      (signal ? "signal " + std::to_string(*signal) : "status " + std::to_string(end.GetInt("exitCode").value_or(0)));
  if (!line.empty()) text += ": " + line;
  return {loops ? "CrashLoopBackOff" : "Restarting", text, loops};
}

std::optional<Trouble> OfContainer(const json::Value& container) {
  const std::string name = Text(container, "name");
  const std::string image = Text(container, "image");
  const json::Value* waiting = container.FindPath({"state", "waiting"});
  const json::Value* end = container.FindPath({"state", "terminated"});
  if (end == nullptr) end = container.FindPath({"lastState", "terminated"});
  const std::string reason = waiting == nullptr ? "" : Text(*waiting, "reason");
  const std::string message = waiting == nullptr ? "" : Text(*waiting, "message");
  if (Has(reason, "Image")) return NoImage(name, image, reason, message);
  if (reason == "CreateContainerConfigError") return NoConfiguration(name, image, message);
  const bool comes = reason == "PodInitializing" || reason == "ContainerCreating" || reason == "CrashLoopBackOff";
  if (!reason.empty() && !comes) return NotStarted(name, reason, message);
  if (container.GetBool("ready") == true) return std::nullopt;
  if (end != nullptr && end->GetInt("exitCode").value_or(0) != 0) {
    const bool loops = reason == "CrashLoopBackOff" || container.GetInt("restartCount").value_or(0) >= kRestartsOfALoop;
    return Ended(name, *end, loops);
  }
  if (reason == "CrashLoopBackOff") {
    return Trouble{reason, name + ": ends again and again, each time with status 0", true};
  }
  return std::nullopt;
}

std::optional<Trouble> OfScheduling(const json::Value& pod) {
  const json::Value* scheduled = FindCondition(pod.Find("status"), "PodScheduled");
  if (scheduled == nullptr || Text(*scheduled, "status") == "True") return std::nullopt;
  std::string message = Text(*scheduled, "message");
  // What it thought of evicting others changes from try to try.
  message = message.substr(0, message.find(" preemption: "));
  const std::string reason = Text(*scheduled, "reason");
  if (reason == "Unschedulable") message = "no node takes the pod: " + message;
  return Trouble{reason.empty() ? "Unschedulable" : reason, message, false};
}

}  // namespace

std::optional<Trouble> TroubleOf(const json::Value& pod) {
  std::optional<Trouble> trouble;
  for (const char* list : {"initContainerStatuses", "containerStatuses"}) {
    const json::Value* containers = pod.FindPath({"status", list});
    if (containers == nullptr || !containers->IsArray()) continue;
    for (const json::Value& container : containers->AsArray()) {
      if (!trouble) trouble = OfContainer(container);
    }
  }
  if (!trouble) trouble = OfScheduling(pod);
  const json::Value* status = pod.Find("status");
  if (!trouble && status != nullptr && Text(*status, "phase") == "Failed") {
    trouble = Trouble{Text(*status, "reason"), Text(*status, "message"), false};
  }
  if (trouble) trouble->message = Cut(std::move(trouble->message));
  return trouble;
}

Trouble FailedCreate(const json::Value& condition) {
  std::string message = Text(condition, "message");
  // Each try has a name of its own.
  const std::size_t named = message.find("\" is forbidden: ");
  if (message.starts_with("pods \"") && named != std::string::npos) message.erase(0, named + 16);
  Trouble trouble{"FailedCreate", message, true};
  if (Has(message, "exceeded quota")) {
    trouble.reason = "QuotaExceeded";
    trouble.message += "; raise the ResourceQuota of the namespace, or have the actor ask for less";
  } else if (Has(message, "violates PodSecurity")) {
    trouble.reason = "PodSecurityForbidden";
  } else if (Has(message, "error looking up service account")) {
    trouble.reason = "ServiceAccountMissing";
  } else if (Has(message, "admission webhook") || Has(message, "denied request")) {
    trouble.reason = "DeniedByAdmission";
  }
  trouble.message = Cut("no pod can be made: " + trouble.message);
  return trouble;
}

}  // namespace asya::cluster::kubernetes
