// Attributes: what of a call an authorizer looks at, and how it refuses.
#pragma once

#include <string>

#include "apiserver/call.h"

namespace asya::apiserver {

// The one name to which a list or watch keeps itself by its field selector, as in `kubectl get -w flow/one`; empty for
// any other call. Rights to one object are enough for it, as with kube-apiserver.
std::string NameSelected(const Call& call);

// kube-apiserver's 403, in its words. `reason` is the authorizer's, and may be empty.
StatusError Denial(const Call& call, const std::string& reason);

}  // namespace asya::apiserver
