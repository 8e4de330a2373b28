// Injection: binds an actor to a pod that somebody else has rendered: which patch of the pod brings in relay, runtime,
// volumes and variables.
#pragma once

#include <string>

#include "core/base/result.h"
#include "core/json/value.h"
#include "ports/composer.h"

namespace asya::webhooks {

inline constexpr const char* kInjectLabel = "asya.sh/inject";  // "true" asks for it
inline constexpr const char* kActorLabel = "asya.sh/actor";
// Which container of the pod runs the handler; written by us where there is only one, so that one that others add
// later is not taken for it.
inline constexpr const char* kContainerAnnotation = "asya.sh/container";
// On pods that were injected: for which actor.
inline constexpr const char* kInjectedAnnotation = "asya.sh/injected";
// Of the pod by which an API shows what a kubelet runs by a file of its own.
inline constexpr const char* kMirrorAnnotation = "kubernetes.io/config.mirror";

// A JSON patch (RFC 6902) of `pod`; empty where the pod has everything. Pure. What it makes of a pod gets an empty
// patch, also after the API has filled in defaults and others have added to it. kInvalid with the field and the fix.
Result<json::Array> Inject(const json::Value& pod, const std::string& actor, const ports::InjectedParts& parts);

// Of a pod that asks for it, after all webhooks: the relay is there, as it has to be. kInvalid with what is wrong.
Status CheckInjected(const json::Value& pod);

}  // namespace asya::webhooks
