// ConfigValues: what a pod takes from Secrets and ConfigMaps; on this machine from files, or from the environment of
// the server.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/json/value.h"

namespace asya::cluster::local {

inline constexpr std::size_t kConfigValueLimitBytes = 1U << 20U;  // of one key, as in Kubernetes
inline constexpr std::size_t kConfigKeysMax = 1000;               // of one object

// One reference of a container: a single key, or all keys of an object.
struct ConfigReference {
  enum class Kind { kSecret, kConfigMap };
  Kind kind = Kind::kSecret;
  std::string object;
  std::string key;       // empty: all keys
  std::string variable;  // of a single key
  std::string prefix;    // of all keys
  bool optional = false;
};

using Variables = std::map<std::string, std::string>;

// Those of envFrom first, since later ones win.
std::vector<ConfigReference> ReferencesOf(const json::Value& container);

struct ConfigSources {
  std::string folder;  // holds secrets/NAME/KEY and configmaps/NAME/KEY; one newline at the end of a file is not its
  Variables own;       // the server's own environment: a single key without a file is looked up by its variable
};

// kNotFound names what is missing and where it may be put; no error holds a value.
Result<Variables> ReadReferences(const std::vector<ConfigReference>& references, const ConfigSources& sources);

}  // namespace asya::cluster::local
