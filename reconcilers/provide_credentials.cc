// What the Transport's Secret holds comes to the pods' namespace before they do; CredentialsReconciler takes it away.
#include "reconcilers/actor_reconciler.h"

namespace asya::reconcilers {
namespace {

Part Problem(const Error& error) {
  switch (error.code) {
    case ErrorCode::kNotFound:
      return {Truth::kFalse, "SecretMissing", error.message};
    case ErrorCode::kForbidden:
      return {Truth::kFalse, "SecretForbidden", error.message};
    case ErrorCode::kConflict:
      return {Truth::kFalse, "SecretTaken", error.message};
    default:
      return {Truth::kUnknown, "ClusterUnavailable", error.message};
  }
}

}  // namespace

bool ActorReconciler::ProvideCredentials(const std::string& namespace_, Pass& pass) {
  if (world_.credentials == nullptr) return true;
  auto version = world_.credentials->Provide(pass.input.transport, namespace_);
  if (version.ok()) {
    pass.input.credentials_version = std::move(*version);
    return true;
  }
  pass.facts.sync = Problem(version.error());
  // Of one that appears we are told.
  if (version.error().code != ErrorCode::kNotFound) pass.retry = version.error();
  return false;
}

}  // namespace asya::reconcilers
