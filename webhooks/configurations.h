// Configurations: the objects by which kube-apiserver is told to ask our webhooks, and of what.
#pragma once

#include <string>
#include <vector>

#include "core/json/value.h"

namespace asya::webhooks {

inline constexpr const char* kMutatingName = "asya-injection";     // of the MutatingWebhookConfiguration
inline constexpr const char* kInjectName = "inject.pods.asya.sh";  // of the one webhook in it
inline constexpr const char* kValidatingName = "asya-validation";  // of the ValidatingWebhookConfiguration

// That kube-apiserver waits for an answer, which takes well below a millisecond of work.
inline constexpr int kTimeoutSeconds = 5;

struct ConfigurationSettings {
  std::string namespace_;  // of the server; nothing in it is looked at
  std::string service;
  int port = 443;
  std::string ca_pem;  // empty: the server puts its own in
};

// The same bytes for the same settings. Whoever labels no pod is never asked about.
std::vector<json::Value> RenderConfigurations(const ConfigurationSettings& settings);

}  // namespace asya::webhooks
