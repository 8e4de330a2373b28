// PodPlan: what a Deployment's pod template means on this machine: which programs to start, how and where.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cluster/local/config_values.h"
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
  std::string source_dir;  // handler folder; empty if the template names none
  std::string python;      // interpreter; empty: the default one
  std::chrono::seconds grace{30};
  std::string template_text;  // the same text means the same pod
};

// kInvalid when the template has no relay container or an environment that cannot be had here.
Result<PodPlan> PlanPod(const json::Value& deployment);

// `environment` as it has to be in this pod: container paths under the mounts become paths of `pod_folder`; the pod's
// name takes the place of field references to it.
std::map<std::string, std::string> Localize(const std::map<std::string, std::string>& environment,
                                            const std::string& pod_folder, const std::string& pod_name);

}  // namespace asya::cluster::local
