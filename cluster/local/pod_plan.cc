#include "cluster/local/pod_plan.h"

#include <csignal>
#include <optional>

namespace asya::cluster::local {
namespace {

// Where relay and runtime meet inside a pod.
constexpr std::string_view kSharedMount = "/var/run/asya";
// Stands for the pod's name until the replica has one; no value of a person holds a zero byte.
const std::string kPodNameMark("\0pod-name\0", 10);

const json::Value* FindContainer(const json::Value& pod, std::string_view name) {
  for (const char* list : {"containers", "initContainers"}) {
    const json::Value* containers = pod.Find(list);
    if (containers == nullptr || !containers->IsArray()) continue;
    for (const auto& container : containers->AsArray()) {
      if (container.GetString("name") == name) return &container;
    }
  }
  return nullptr;
}

std::string FieldValue(const json::Value& deployment, const std::string& path) {
  const json::Value* metadata = deployment.Find("metadata");
  if (path == "metadata.name") return kPodNameMark;
  if (path == "metadata.namespace") return metadata->GetString("namespace").value_or("default");
  return "";
}

Result<std::map<std::string, std::string>> Environment(const json::Value& deployment, const json::Value& container) {
  std::map<std::string, std::string> environment;
  const json::Value* entries = container.Find("env");
  if (entries == nullptr || !entries->IsArray()) return environment;
  for (const auto& entry : entries->AsArray()) {
    const auto name = entry.GetString("name");
    if (!name) continue;
    if (const auto value = entry.GetString("value")) {
      environment[*name] = *value;
    } else if (const json::Value* field = entry.FindPath({"valueFrom", "fieldRef"})) {
      environment[*name] = FieldValue(deployment, field->GetString("fieldPath").value_or(""));
    }
  }
  return environment;
}

std::string Annotation(const json::Value& pod_template, std::string_view name) {
  const json::Value* annotations = pod_template.FindPath({"metadata", "annotations"});
  return annotations == nullptr ? "" : annotations->GetString(name).value_or("");
}

bool ReplaceAll(std::string& text, std::string_view from, std::string_view to) {
  bool found = false;
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
    found = true;
  }
  return found;
}

// The path of the shared mount at a path's start or after "unix:"; not within another path.
void MapPath(std::string& value, const std::string& pod_folder) {
  for (const std::string_view prefix : {"", "unix:", "unix://"}) {
    const std::string whole = std::string(prefix).append(kSharedMount);
    if (value.rfind(whole, 0) != 0) continue;
    if (value.size() > whole.size() && value[whole.size()] != '/') continue;
    value.replace(prefix.size(), kSharedMount.size(), pod_folder);
    return;
  }
}

// An actor that kubectl made names no folder: its code is the project's, as it would be with `asya apply`.
void FillSource(const LocalSettings& settings, PodPlan& plan) {
  if (!plan.has_runtime || !plan.source_dir.empty()) return;
  plan.source_dir = settings.source_dir;
  if (plan.python.empty()) plan.python = settings.source_python;
}

}  // namespace

Result<PodPlan> PlanPod(const json::Value& deployment, const LocalSettings& settings) {
  const json::Value* pod_template = deployment.FindPath({"spec", "template"});
  const json::Value* pod = pod_template == nullptr ? nullptr : pod_template->Find("spec");
  if (pod == nullptr) return Invalid("spec.template.spec", "is missing");
  const json::Value* relay = FindContainer(*pod, kRelayContainer);
  if (relay == nullptr) {
    return Invalid("spec.template.spec.containers", std::string("has no container ") + kRelayContainer);
  }
  PodPlan plan;
  ASYA_TRY(plan.relay_environment, Environment(deployment, *relay));
  plan.relay_references = ReferencesOf(*relay);
  if (const json::Value* runtime = FindContainer(*pod, kRuntimeContainer)) {
    plan.has_runtime = true;
    ASYA_TRY(plan.runtime_environment, Environment(deployment, *runtime));
    plan.runtime_references = ReferencesOf(*runtime);
  }
  plan.source_dir = Annotation(*pod_template, kSourceDirAnnotation);
  plan.python = Annotation(*pod_template, kPythonAnnotation);
  FillSource(settings, plan);
  plan.grace = std::chrono::seconds(pod->GetInt("terminationGracePeriodSeconds").value_or(plan.grace.count()));
  plan.template_text = json::Dump(*pod_template);
  return plan;
}

ProgramStart RuntimeProgram(const PodPlan& plan, const LocalSettings& settings,
                            const std::map<std::string, std::string>& environment) {
  ProgramStart program;
  program.arguments = {plan.python.empty() ? settings.python : plan.python, settings.runtime_path};
  program.environment = settings.environment;
  for (const auto& [name, value] : environment) program.environment[name] = value;
  program.environment["PYTHONUNBUFFERED"] = "1";
  program.environment.erase("NOTIFY_SOCKET");
  if (!plan.source_dir.empty()) {
    std::string& path = program.environment["PYTHONPATH"];
    path = path.empty() ? plan.source_dir : plan.source_dir + ":" + path;
    program.folder = plan.source_dir;
  }
  // So that it takes its worker along.
  program.parent_death_signal = SIGTERM;
  return program;
}

std::map<std::string, std::string> Localize(const std::map<std::string, std::string>& environment,
                                            const std::string& pod_folder, const std::string& pod_name) {
  auto local = environment;
  for (auto& [name, value] : local) {
    ReplaceAll(value, kPodNameMark, pod_name);
    MapPath(value, pod_folder);
  }
  return local;
}

}  // namespace asya::cluster::local
