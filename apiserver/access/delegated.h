// Delegated: users and their rights as the cluster around the API knows them; for a server behind kube-apiserver.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "apiserver/access/short_memory.h"
#include "apiserver/api_server.h"
#include "apiserver/call.h"
#include "core/base/clock.h"
#include "core/observe/metrics.h"
#include "ports/cluster_access.h"

namespace asya::apiserver {

// As long as in the servers that are built with Kubernetes' own library.
inline constexpr std::chrono::milliseconds kReviewAgeMax{10'000};
inline constexpr std::size_t kTokenReviewsMax = 4096;
inline constexpr std::size_t kTokenReviewsAtOnceMax = 4;
inline constexpr std::size_t kAccessReviewsMax = 16384;

// As the cluster is asked about a user.
ports::Subject SubjectOf(const User& user);

// Bearer tokens by TokenReview. Both answers are believed for kReviewAgeMax; 503 where there is none, and 429 where
// kTokenReviewsAtOnceMax are under way: anybody may come with tokens, and must not take the threads of those who are
// known. Blocks. `cluster`, `clock` and `metrics` live longer, here and below.
Authenticator ByTokenReview(ports::ClusterAccess& cluster, const Clock& clock, observe::Metrics& metrics);

// Each user that `next` knows is in system:authenticated, but for the anonymous one.
Authenticator WithAuthenticatedGroup(Authenticator next);

// Rights by SubjectAccessReview. Both answers are believed for kReviewAgeMax. Thread safe; blocks.
class AccessReviews {
 public:
  AccessReviews(ports::ClusterAccess& cluster, const Clock& clock)
      : cluster_(cluster), known_(clock, kReviewAgeMax, kAccessReviewsMax) {}
  // Members of system:masters may do everything, as with kube-apiserver. 503 where there is no answer.
  Outcome<ports::AccessAnswer> Ask(const ports::AccessQuestion& question);

 private:
  ports::ClusterAccess& cluster_;
  ShortMemory<ports::AccessAnswer> known_;
};

Authorizer ByAccessReview(std::shared_ptr<AccessReviews> reviews);

}  // namespace asya::apiserver
