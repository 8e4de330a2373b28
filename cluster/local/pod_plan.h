// PodPlan: what a Deployment's pod template means on this machine: which programs to start, how and where.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cluster/local/child_process.h"
#include "cluster/local/config_values.h"
#include "cluster/local/settings.h"
#include "core/base/result.h"
#include "core/json/value.h"

namespace asya::cluster::local {

inline constexpr const char* kRelayContainer = "asya-relay";
inline constexpr const char* kRuntimeContainer = "asya-runtime";
inline constexpr const char* kSourceDirAnnotation = "local.asya.sh/source-dir";
inline constexpr const char* kPythonAnnotation = "local.asya.sh/python";

struct PodPlan {
  bool has_runtime = false;
  std::map<std::string, std::string> relay_environment;  // paths as in the container
  std::map<std::string, std::string> runtime_environment;
  // Read anew for each replica; they give way to the environments above.
  std::vector<ConfigReference> relay_references;
  std::vector<ConfigReference> runtime_references;
  std::string source_dir;  // handler folder; may be empty
  std::string python;      // interpreter; empty: the default one
  std::chrono::seconds grace{30};
  std::string template_text;  // the same text means the same pod
};

// kInvalid when the template has no relay container or an environment that cannot be had here. Handlers of a template
// that names no folder lie in that of the settings.
Result<PodPlan> PlanPod(const json::Value& deployment, const LocalSettings& settings);

// How the runtime of a pod is started with `environment` beside what every child gets.
ProgramStart RuntimeProgram(const PodPlan& plan, const LocalSettings& settings,
                            const std::map<std::string, std::string>& environment);

// `environment` as it has to be in this pod: container paths under the mounts become paths of `pod_folder`; the pod's
// name takes the place of field references to it.
std::map<std::string, std::string> Localize(const std::map<std::string, std::string>& environment,
                                            const std::string& pod_folder, const std::string& pod_name);

}  // namespace asya::cluster::local
