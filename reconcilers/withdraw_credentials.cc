#include "reconcilers/withdraw_credentials.h"

#include <vector>

#include "reconcilers/resolve.h"

namespace asya::reconcilers {

Outcome CredentialsReconciler::Reconcile(const Key& key) {
  if (world_.credentials == nullptr) return Settled{};
  std::vector<std::string> names;
  if (!key.name.empty()) {
    names.push_back(key.name);
  } else {
    const auto transports = objects_.List(kTransports, std::nullopt);
    if (!transports.ok()) return Failed{transports.error()};
    for (const Stored& transport : *transports) {
      if (ports::CredentialsReference(transport.object) != nullptr) names.push_back(NameOf(transport.object));
    }
  }
  for (const std::string& name : names) {
    const Status withdrawn = Withdraw(key.namespace_, name, "");
    if (!withdrawn.ok()) return Failed{withdrawn.error()};
  }
  return Settled{};
}

Status CredentialsReconciler::Leave(const Stored& actor, const std::string& transport,
                                    const std::function<Status()>& let_go) {
  if (world_.credentials == nullptr) return let_go();
  const std::lock_guard lock(leaving_);
  const Status withdrawn = Withdraw(actor.record.key.namespace_, transport, actor.record.uid);
  // A right that is missing must not hold an actor that is done with everything else.
  if (!withdrawn.ok() && withdrawn.error().code != ErrorCode::kForbidden) return withdrawn;
  ASYA_TRY_STATUS(let_go());
  return withdrawn;
}

Status CredentialsReconciler::Withdraw(const std::string& namespace_, const std::string& transport,
                                       const std::string& but_uid) {
  if (world_.credentials == nullptr || transport.empty()) return Ok();
  ASYA_TRY(const auto stored, objects_.Get(kTransports, "", transport));
  if (stored && ports::CredentialsReference(stored->object) == nullptr) return Ok();
  ASYA_TRY(const auto actors, objects_.List(kActors, namespace_));
  for (const Stored& actor : actors) {
    if (actor.record.uid == but_uid) continue;
    // By name: of a Transport that is gone the pods of its actors run on.
    std::string name = StatusTransport(actor.object);
    if (name.empty()) {
      const auto resolved = ResolveTransport(objects_, actor.object, settings_.default_transport);
      if (!resolved.ok() && resolved.error().code != ErrorCode::kNotFound) return resolved.error();
      if (resolved.ok()) name = NameOf(*resolved);
    }
    if (name == transport) return Ok();
  }
  return world_.credentials->Withdraw(transport, namespace_);
}

}  // namespace asya::reconcilers
