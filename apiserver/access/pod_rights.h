// PodRights: who writes actors and flavors has pods made, and has to have the right to make such pods oneself.
#pragma once

#include <memory>

#include "apiserver/access/delegated.h"
#include "apiserver/call.h"
#include "ports/object_store.h"

namespace asya::apiserver {

// Whoever makes an actor, or changes anything in it that its pods get, has pods made: with any image and volume, and as
// any ServiceAccount. So the user has to have the right to create pods there and to use (verb `use`) every account that
// they run as, named in the actor or in one of its flavors; where an account is made for the actor, to create such as
// well. Else one would get by an actor what the cluster refuses. More or fewer of the same pods are no matter of this,
// nor are finalizers and the like. Triggers of KEDA that are new or changed need the right to create ScaledObjects, for
// they may name credentials of the whole cluster. Who writes a flavor does the same in every namespace. `store`, where
// flavors are, lives longer.
Admission PodRights(std::shared_ptr<AccessReviews> reviews, ports::ObjectStore& store);

}  // namespace asya::apiserver
