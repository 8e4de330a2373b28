// Secrets: the rules of the core/v1 Secrets in which Helm keeps its releases.
#pragma once

#include <string>
#include <vector>

#include "apiserver/call.h"
#include "core/json/value.h"
#include "model/validation.h"

namespace asya::apiserver {

inline constexpr const char* kReleaseType = "helm.sh/release.v1";
inline constexpr std::size_t kSecretBytesMax = 1U << 20U;  // of all values together, as with kube-apiserver

// Puts stringData into data, where a client has sent it.
void TakeStringData(json::Value& object);
// What the schema cannot say: keys, base64, size, and what may not change. Never repeats a value.
void CheckSecret(const json::Value& object, const json::Value* old, std::vector<model::Cause>& causes);
// For a server that has nothing to seal them with: refuses to keep any, with `why`.
Admission RefuseSecrets(std::string why);

}  // namespace asya::apiserver
