#include "apiserver/test_api.h"

namespace asya::apiserver {
namespace {

constexpr const char* kAccess = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
constexpr const char* kRules = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
constexpr const char* kWho = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

std::string Access(const std::string& spec) {
  return R"({"kind":"SelfSubjectAccessReview","apiVersion":"authorization.k8s.io/v1","spec":)" + spec + "}";
}

// Nobody may delete, and flows are not for anybody.
Outcome<Done> Strict(const Call& call) {
  if (call.info.verb != "delete" && call.resource->kind.plural != "flows") return Done{};
  return Forbidden(*call.resource, call.info.name, "User \"" + call.user.name + "\" cannot " + call.info.verb);
}

TEST_F(TestApi, WithoutRulesAUserMayDoEverything) {
  const Answer answer = Send("POST", kAccess,
                             Access(R"({"resourceAttributes":{"verb":"delete","resource":"asyncactors",)"
                                    R"("group":"asya.sh","namespace":"default"}})"));
  EXPECT_EQ(answer.status, 201) << answer.text;
  EXPECT_EQ(answer.At("/status/allowed"), "true");
  EXPECT_EQ(answer.At("/spec/resourceAttributes/verb"), "delete") << "the question is repeated";
  EXPECT_EQ(Send("POST", kAccess, Access(R"({"nonResourceAttributes":{"path":"/livez","verb":"get"}})"))
                .At("/status/allowed"),
            "true");
  const Answer rules = Send("POST", kRules, R"({"spec":{"namespace":"default"}})");
  EXPECT_EQ(rules.status, 201) << rules.text;
  EXPECT_EQ(rules.At("/status/resourceRules/0/verbs"), R"(["*"])");
  EXPECT_EQ(rules.At("/status/incomplete"), "false");
}

TEST_F(TestApi, TheAuthorizerAnswersReviews) {
  Open({}, {}, Strict);
  const auto allowed = [this](const std::string& verb, const std::string& resource) {
    return Send("POST", kAccess,
                Access(R"({"resourceAttributes":{"verb":")" + verb + R"(","resource":")" + resource +
                       R"(","group":"asya.sh","namespace":"default"}})"));
  };
  EXPECT_EQ(allowed("create", "asyncactors").At("/status/allowed"), "true");
  EXPECT_EQ(allowed("delete", "asyncactors").At("/status/allowed"), "false");
  EXPECT_NE(allowed("delete", "asyncactors").At("/status/reason").find("User \"ada\" cannot delete"),
            std::string::npos);
  EXPECT_EQ(allowed("get", "flows").At("/status/allowed"), "false");
  EXPECT_EQ(allowed("get", "nothings").At("/status/allowed"), "false") << "not served";
  const Answer rules = Send("POST", kRules, R"({"spec":{"namespace":"default"}})");
  EXPECT_EQ(rules.text.find("\"flows\""), std::string::npos);
  EXPECT_NE(
      rules.text.find(R"({"apiGroups":["asya.sh"],"resources":["asyncactors"],"verbs":["create","deletecollection",)"
                      R"("get","list","patch","update","watch"]})"),
      std::string::npos)
      << rules.text;
  for (const char* rule :
       {R"("resources":["asyncactors/diff"],"verbs":["get"])", R"("resources":["asyncactors/history"],"verbs":["get"])",
        R"("resources":["asyncactors/restore"],"verbs":["create"])"}) {
    EXPECT_NE(rules.text.find(rule), std::string::npos) << rule << " in " << rules.text;
  }
}

TEST_F(TestApi, AUserLearnsWhoItIs) {
  const Answer who = Send("POST", kWho, R"({"kind":"SelfSubjectReview","apiVersion":"authentication.k8s.io/v1"})");
  EXPECT_EQ(who.status, 201);
  EXPECT_EQ(who.At("/status/userInfo/username"), "ada");
  EXPECT_EQ(who.At("/status/userInfo/groups"), R"(["system:authenticated"])");
  EXPECT_EQ(Send("POST", kWho, "{}", {{"Authorization", ""}}).status, 401);
}

TEST_F(TestApi, ReviewsThatAskNothingAreRefusedAndNoneIsKept) {
  EXPECT_EQ(Send("POST", kAccess, Access("{}")).status, 422);
  EXPECT_EQ(Send("POST", kAccess, Access(R"({"resourceAttributes":{},"nonResourceAttributes":{}})")).status, 422);
  EXPECT_EQ(Send("POST", kRules, "{}").status, 400);
  EXPECT_EQ(Send("POST", kAccess, R"({"kind":"SelfSubjectReview"})").status, 400);
  EXPECT_EQ(Get(kAccess).status, 405);
  EXPECT_EQ(Get(std::string(kAccess) + "/x").status, 405);
  EXPECT_EQ(Get(std::string(kAccess) + "?watch=true").status, 405);
  EXPECT_EQ(Send("DELETE", kAccess).status, 405);
  EXPECT_EQ(Get("/apis/authorization.k8s.io/v1").At("/resources/0/verbs"), R"(["create"])");
}

TEST_F(TestApi, ReviewsComeAsProtobufToo) {
  const auto field = [](int number, const std::string& text) {
    return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(text.size())} + text;
  };
  const auto envelope = [&](const std::string& version, const std::string& kind, const std::string& object) {
    return std::string("k8s\0", 4) + field(1, field(1, version) + field(2, kind)) + field(2, object);
  };
  const HeaderList protobuf{{"Content-Type", "application/vnd.kubernetes.protobuf"}};
  const std::string attributes = field(1, "default") + field(2, "get") + field(3, "asya.sh") + field(5, "asyncactors");
  const Answer access =
      Send("POST", kAccess,
           envelope("authorization.k8s.io/v1", "SelfSubjectAccessReview", field(2, field(1, attributes))), protobuf);
  EXPECT_EQ(access.status, 201) << access.text;
  EXPECT_EQ(access.At("/spec/resourceAttributes/resource"), "asyncactors");
  const Answer path = Send("POST", kAccess,
                           envelope("authorization.k8s.io/v1", "SelfSubjectAccessReview",
                                    field(2, field(2, field(1, "/livez") + field(2, "get")))),
                           protobuf);
  EXPECT_EQ(path.At("/spec/nonResourceAttributes/path"), "/livez") << path.text;
  const Answer rules =
      Send("POST", kRules, envelope("authorization.k8s.io/v1", "SelfSubjectRulesReview", field(2, field(1, "team"))),
           protobuf);
  EXPECT_EQ(rules.At("/spec/namespace"), "team") << rules.text;
  EXPECT_EQ(Send("POST", kWho, envelope("authentication.k8s.io/v1", "SelfSubjectReview", field(1, "")), protobuf)
                .At("/status/userInfo/username"),
            "ada");
}

}  // namespace
}  // namespace asya::apiserver
