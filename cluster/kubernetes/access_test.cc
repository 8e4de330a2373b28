#include "cluster/kubernetes/access.h"

#include <gtest/gtest.h>

#include "cluster/kubernetes/test_cluster.h"

namespace asya::cluster::kubernetes {
namespace {

using ports::NamespaceState;

// An answer to every call.
struct Asked {
  explicit Asked(int status, const std::string& body)
      : cluster([status, body](const http::Request&) { return TestCluster::Json(status, body); }),
        client(cluster.At(), RealClock()),
        access(client) {}
  std::string Sent() { return cluster.requests().back().path + " " + cluster.requests().back().body; }
  TestCluster cluster;
  Client client;
  KubernetesAccess access;
};

const char* const kRefusal = R"({"kind":"Status","reason":"Forbidden","message":"no"})";

TEST(KubernetesAccess, NamesTheUserOfAToken) {
  Asked asked(201, R"({"status":{"authenticated":true,"user":{"username":"ada","uid":"7","groups":["a","b"],
    "extra":{"scopes":["x","y"]}}}})");
  const auto ada = asked.access.ReviewToken("t0ken");
  ASSERT_TRUE(ada.ok() && *ada);
  EXPECT_EQ((*ada)->name, "ada");
  EXPECT_EQ((*ada)->uid, "7");
  EXPECT_EQ((*ada)->groups, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ((*ada)->extra.at("scopes"), (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(asked.Sent(),
            "/apis/authentication.k8s.io/v1/tokenreviews "
            R"({"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{"token":"t0ken"}})");
  const auto nobody = Asked(201, R"({"status":{"authenticated":false,"user":{}}})").access.ReviewToken("x");
  EXPECT_TRUE(nobody.ok() && !*nobody);
}

TEST(KubernetesAccess, ATokenHasToBeForTheAudience) {
  const auto of = [](const std::string& audiences) {
    Asked asked(201, R"({"status":{"authenticated":true,"user":{"username":"relay"})" + audiences + "}}");
    const auto found = KubernetesAccess(asked.client, "asya-gateway").ReviewToken("t0ken");
    EXPECT_NE(asked.Sent().find(R"("spec":{"audiences":["asya-gateway"],"token":"t0ken"})"), std::string::npos);
    return found.ok() && found->has_value();
  };
  EXPECT_TRUE(of(R"(,"audiences":["asya-gateway"])"));
  EXPECT_FALSE(of(R"(,"audiences":["https://kubernetes.default.svc"])"));
  EXPECT_FALSE(of("")) << "the cluster's own API is meant then";
}

TEST(KubernetesAccess, TakesNoAnswerForNone) {
  for (const char* body :
       {"{}", R"({"status":{"authenticated":true}})", R"({"status":{"authenticated":true,"user":{}}})"}) {
    EXPECT_EQ(Asked(201, body).access.ReviewToken("x").error().code, ErrorCode::kUnavailable) << body;
  }
  EXPECT_EQ(Asked(403, kRefusal).access.ReviewToken("x").error().code, ErrorCode::kUnavailable)
      << "this server may not ask; the user has done nothing wrong";
  EXPECT_EQ(Asked(201, R"({"status":{}})").access.ReviewAccess({}).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(Asked(403, kRefusal).access.ReviewAccess({}).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(Asked(403, kRefusal).access.StateOf("a").error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(Asked(404, "page not found").access.StateOf("a").error().code, ErrorCode::kUnavailable);
}

TEST(KubernetesAccess, AsksForAllThatTheQuestionHolds) {
  Asked asked(201, R"({"status":{"allowed":true}})");
  ports::AccessQuestion question;
  question.subject = {"ada", "7", {"a"}, {{"scopes", {"x"}}}};
  question.verb = "get";
  question.group = "asya.sh";
  question.version = "v1alpha1";
  question.resource = "asyncactors";
  question.subresource = "scale";
  question.namespace_ = "vision";
  question.name = "resize";
  EXPECT_TRUE(asked.access.ReviewAccess(question)->allowed);
  EXPECT_EQ(asked.Sent(),
            "/apis/authorization.k8s.io/v1/subjectaccessreviews "
            R"({"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","spec":{"extra":{"scopes":["x"]},)"
            R"("groups":["a"],"resourceAttributes":{"group":"asya.sh","name":"resize","namespace":"vision",)"
            R"("resource":"asyncactors","subresource":"scale","verb":"get","version":"v1alpha1"},"uid":"7",)"
            R"("user":"ada"}})");
  const auto refused = Asked(201, R"({"status":{"allowed":false,"reason":"RBAC: no"}})").access.ReviewAccess({});
  EXPECT_FALSE(refused->allowed);
  EXPECT_EQ(refused->reason, "RBAC: no");
  EXPECT_FALSE(Asked(201, R"({"status":{"allowed":true,"denied":true}})").access.ReviewAccess({})->allowed);
}

TEST(KubernetesAccess, KnowsNamespaces) {
  const auto state = [](int status, const std::string& body, const std::string& name = "vision") {
    return Asked(status, body).access.StateOf(name).value();
  };
  EXPECT_EQ(state(200, R"({"metadata":{},"status":{"phase":"Active"}})"), NamespaceState::kActive);
  EXPECT_EQ(state(200, R"({"metadata":{},"status":{"phase":"Terminating"}})"), NamespaceState::kTerminating);
  EXPECT_EQ(state(200, R"({"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z"}})"), NamespaceState::kTerminating);
  EXPECT_EQ(state(404, R"({"kind":"Status","reason":"NotFound"})"), NamespaceState::kMissing);
  Asked never(200, "{}");
  for (const char* name : {"", "..", "a/b", "A", "%2e"}) {
    EXPECT_EQ(never.access.StateOf(name).value(), NamespaceState::kMissing) << name;
  }
  EXPECT_TRUE(never.cluster.requests().empty());
}

}  // namespace
}  // namespace asya::cluster::kubernetes
