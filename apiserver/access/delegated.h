// Delegated: users and their rights as the cluster around the API knows them; for a server behind kube-apiserver.
#pragma once

#include <chrono>
#include <cstddef>

#include "apiserver/api_server.h"
#include "apiserver/call.h"
#include "core/base/clock.h"
#include "ports/cluster_access.h"

namespace asya::apiserver {

// As long as in the servers that are built with Kubernetes' own library.
inline constexpr std::chrono::milliseconds kReviewAgeMax{10'000};
inline constexpr std::size_t kTokenReviewsMax = 4096;
inline constexpr std::size_t kAccessReviewsMax = 16384;

// Bearer tokens by TokenReview. Both answers are believed for kReviewAgeMax; 503 where there is none. Blocks.
// `cluster` and `clock` live longer, here and below.
Authenticator ByTokenReview(ports::ClusterAccess& cluster, const Clock& clock);

// Each user that `next` knows is in system:authenticated, but for the anonymous one.
Authenticator WithAuthenticatedGroup(Authenticator next);

// Rights by SubjectAccessReview. Both answers are believed for kReviewAgeMax; 503 where there is none. Blocks. Members
// of system:masters may do everything, as with kube-apiserver.
Authorizer ByAccessReview(ports::ClusterAccess& cluster, const Clock& clock);

}  // namespace asya::apiserver
