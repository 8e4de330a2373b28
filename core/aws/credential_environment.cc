// The process's own environment, where AWS's tools look.
#include <cstdlib>

#include "core/aws/credentials.h"

namespace asya::aws {

CredentialSettings CredentialSettingsOfProcess(const std::string& region) {
  return ReadCredentialSettings(
      [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        return value == nullptr ? std::nullopt : std::optional<std::string>(value);
      },
      region);
}

}  // namespace asya::aws
