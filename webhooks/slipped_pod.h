// SlippedPod: what becomes of a pod that asks for a relay and was made without one, since the webhook was not there or
// was passed over; pure.
#pragma once

#include <string>

#include "core/base/result.h"
#include "core/json/value.h"

namespace asya::webhooks {

// Whether the pod asks for a relay, has none, and is neither ending nor over. The mirror of a static pod asks for
// nothing.
bool LacksRelay(const json::Value& pod);

// The webhook as the cluster has it now.
struct InstalledWebhook {
  bool there = false;  // and called by a CA
  std::string since;   // when its configuration was made, as Kubernetes writes times
};
// Of the MutatingWebhookConfiguration; null where the cluster has none.
InstalledWebhook ReadInstalled(const json::Value& configuration);

enum class Fate {
  kReplaced,   // older than the webhook: a controller makes another one in its place, with a relay
  kLeftAlone,  // somebody has to do something about it
};
struct SlippedPod {
  Fate fate = Fate::kLeftAlone;
  std::string reason;   // of the Event: RelayMissing, WebhookMissing, RelayRefused or RelayReplaced
  std::string message;  // what is wrong and how it is put right
};

// `again`: whether a pod like it would get its relay now; `own_namespace`: of the server, whose pods are never asked
// about. A pod that is younger than the webhook is never replaced: whatever let it pass would let the next one pass.
SlippedPod Judge(const json::Value& pod, const InstalledWebhook& webhook, const Status& again,
                 const std::string& own_namespace);

}  // namespace asya::webhooks
