// Credentials: what the Secrets that a Transport names hold: for the server itself, and for the pods of its actors.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/json/value.h"

namespace asya::ports {

// Of a pod: what Provide returned when it was rendered.
inline constexpr const char* kCredentialsVersionAnnotation = "asya.sh/credentials-version";

// spec.type of a Transport; empty where it has none.
std::string TransportType(const json::Value& transport);

// A key of such a Secret, and the variable by which a relay or a server has its value.
struct CredentialKey {
  std::string key;
  std::string variable;
};
// Of a Transport of this type.
const std::vector<CredentialKey>& CredentialKeys(const std::string& type);
// Of the Secret by which pods have the credentials of a Transport, in their own namespace.
std::string PodCredentialsName(const std::string& transport);
// Of spec.TYPE of a Transport: the Secret for its pods or for provisioning; null where it names none.
const json::Value* CredentialsReference(const json::Value& transport);
const json::Value* AdminCredentialsReference(const json::Value& transport);

class Credentials {
 public:
  using Values = std::map<std::string, std::string>;  // by variable

  virtual ~Credentials() = default;
  // For provisioning and publishing: of the administrator's Secret, else of the one for pods; none where the Transport
  // names neither. kNotFound names the Secret or key that is missing; no error holds a value.
  virtual Result<Values> ForServer(const json::Value& transport) = 0;
  // Makes the Secret of the pods in a namespace what the Transport's is. Returns what changes with its values and tells
  // nothing of them; empty where the Transport names none. kConflict: there is another Secret of that name.
  virtual Result<std::string> Provide(const json::Value& transport, const std::string& namespace_) = 0;
  // Nobody in the namespace needs it any more. Idempotent.
  virtual Status Withdraw(const std::string& transport, const std::string& namespace_) = 0;
  // Called (any thread, must not block) with the name of a Transport whose Secrets are not what they were.
  [[nodiscard]] virtual std::shared_ptr<void> Subscribe(
      std::function<void(const std::string& transport)> on_change) = 0;
};

}  // namespace asya::ports
