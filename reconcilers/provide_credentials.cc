// What the Transport's Secret holds comes to the pods' namespace before they do, and goes with the last who needs it.
#include "reconcilers/actor_reconciler.h"
#include "reconcilers/resolve.h"

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

Status ActorReconciler::WithdrawCredentials(const std::string& namespace_, const std::string& transport) {
  if (world_.credentials == nullptr || transport.empty()) return Ok();
  ASYA_TRY(const auto stored, objects_.Get(kTransports, "", transport));
  if (stored && ports::CredentialsReference(stored->object) == nullptr) return Ok();
  ASYA_TRY(const auto actors, objects_.List(kActors, namespace_));
  for (const Stored& actor : actors) {
    const auto used = CurrentTransport(objects_, actor.object, settings_.default_transport);
    if (used.ok() && NameOf(*used) == transport) return Ok();
  }
  return world_.credentials->Withdraw(transport, namespace_);
}

}  // namespace asya::reconcilers
