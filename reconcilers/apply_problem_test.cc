#include "reconcilers/apply_problem.h"

#include <gtest/gtest.h>

#include "ports/cluster.h"

namespace asya::reconcilers {
namespace {

TEST(ApplyProblem, NamesTheCauseAndTheFix) {
  const auto reason = [](ErrorCode code, const std::string& message) {
    return ApplyProblem("Deployment echo", Fail(code, message)).reason;
  };
  EXPECT_EQ(reason(ErrorCode::kConflict, "there is a Deployment team/echo already"), "NameTaken");
  EXPECT_EQ(reason(ErrorCode::kNotFound, "namespaces \"team\" not found"), "NamespaceMissing");
  EXPECT_EQ(reason(ErrorCode::kForbidden, "exceeded quota: small, requested: pods=1"), "QuotaExceeded");
  EXPECT_EQ(reason(ErrorCode::kForbidden,
                   "unable to create new content in namespace team because it is being "
                   "terminated"),
            "NamespaceTerminating");
  EXPECT_EQ(reason(ErrorCode::kForbidden, "admission webhook \"x\" denied the request: no"), "DeniedByAdmission");
  EXPECT_EQ(reason(ErrorCode::kUnavailable, "answered 500"), "ApplyFailed");
  const Part forbidden = ApplyProblem(
      "Deployment echo", Fail(ErrorCode::kForbidden, "User \"x\" cannot patch resource \"deployments\" in API group"));
  EXPECT_EQ(forbidden.reason, "ForbiddenByCluster");
  EXPECT_EQ(
      forbidden.message,
      "Deployment echo: User \"x\" cannot patch resource \"deployments\" in API group; give the server its rights "
      "again: asya-server render apiservice --controllers all");
  const Part keda = ApplyProblem("", Error{ErrorCode::kUnavailable, "install KEDA", ports::kKedaField});
  EXPECT_EQ(keda.reason + " " + keda.message, "KedaMissing install KEDA");
}

}  // namespace
}  // namespace asya::reconcilers
