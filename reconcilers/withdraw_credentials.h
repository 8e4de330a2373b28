// CredentialsReconciler: takes the copy of a Transport's Secret out of a namespace where no actor needs it any more.
#pragma once

#include <functional>
#include <mutex>
#include <string>

#include "reconcilers/controller.h"
#include "reconcilers/objects.h"
#include "reconcilers/world.h"

namespace asya::reconcilers {

// Thread safe for different keys.
class CredentialsReconciler {
 public:
  CredentialsReconciler(const World& world, const ReconcilerSettings& settings)
      : world_(world), settings_(settings), objects_(world.store, world.clock) {}

  // The name of the key is the Transport's; an empty one stands for all Transports whose Secrets are copied.
  Outcome Reconcile(const Key& key);

  // Before the last trace of an actor goes, which brings somebody back to this until it has worked: withdraws what no
  // other actor of its namespace is on, then calls `let_go`. One at a time, so that of several that go at once the last
  // one sees no other.
  Status Leave(const Stored& actor, const std::string& transport, const std::function<Status()>& let_go);

 private:
  // Where no actor but the one of this uid is on the transport.
  Status Withdraw(const std::string& namespace_, const std::string& transport, const std::string& but_uid);

  const World world_;
  const ReconcilerSettings& settings_;
  Objects objects_;
  std::mutex leaving_;
};

}  // namespace asya::reconcilers
