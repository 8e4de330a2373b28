#include "webhooks/admission.h"

#include <gtest/gtest.h>

#include <functional>

#include "core/base/base64.h"
#include "core/json/json_patch.h"
#include "webhooks/test_actor.h"

namespace asya::webhooks {
namespace {

class AdmissionTest : public testing::Test {
 protected:
  http::Response Send(const std::string& path, std::string body, const std::string& type = "application/json") {
    http::Request request;
    request.method = "POST";
    request.path = path;
    request.headers.Set("Content-Type", type);
    request.body = std::move(body);
    return admission_.Answer(request);
  }
  json::Value Review(const std::string& path, const json::Value& request) {
    const http::Response response =
        Send(path, json::Dump(json::Object{
                       {"apiVersion", "admission.k8s.io/v1"}, {"kind", "AdmissionReview"}, {"request", request}}));
    EXPECT_EQ(response.status, 200) << response.body;
    return *json::Parse(response.body).value().Find("response");
  }
  static json::Value Create(const json::Value& pod) {
    return json::Object{{"uid", "u"},
                        {"operation", "CREATE"},
                        {"namespace", "n"},
                        {"resource", json::Object{{"group", ""}, {"version", "v1"}, {"resource", "pods"}}},
                        {"object", pod}};
  }
  static std::string Message(const json::Value& response) {
    EXPECT_FALSE(response.GetBool("allowed").value_or(true));
    return response.FindPath({"status", "message"})->AsString();
  }

  observe::Metrics metrics_;
  Admission admission_{{[](const std::string& namespace_,
                           const std::string& actor) -> Result<std::shared_ptr<const ports::InjectedParts>> {
                          if (actor == "llm" && namespace_ == "n") {
                            return std::make_shared<const ports::InjectedParts>(PartsOf(kModelServer));
                          }
                          return Fail(ErrorCode::kNotFound, "there is no AsyncActor " + actor);
                        },
                        RealClock(), observe::Logger::Silent(), metrics_}};
};

TEST_F(AdmissionTest, InjectsAndAcceptsWhatItHasInjected) {
  const json::Value pod = PodOf(R"({"name":"vllm","image":"v"})");
  const json::Value response = Review(kInjectPath, Create(pod));
  ASSERT_TRUE(response.GetBool("allowed").value_or(false)) << json::Dump(response);
  const auto patch = json::Parse(DecodeBase64(*response.GetString("patch")).value()).value();
  const json::Value after = json::ApplyJsonPatch(pod, json::ParseJsonPatch(patch).value()).value();
  EXPECT_EQ(Review(kInjectPath, Create(after)).Find("patch"), nullptr);
  EXPECT_TRUE(Review(kCheckPath, Create(after)).GetBool("allowed").value_or(false));
  EXPECT_NE(Message(Review(kCheckPath, Create(pod))).find("relay of the actor is missing"), std::string::npos);
  const std::string text = metrics_.Text();
  EXPECT_NE(text.find(R"(asya_webhook_reviews_total{result="patched",webhook="inject"} 1)"), std::string::npos) << text;
  EXPECT_NE(text.find(R"(asya_webhook_review_seconds_count{result="refused",webhook="check"} 1)"), std::string::npos);
}

TEST_F(AdmissionTest, SaysWhatAPodLacks) {
  json::Value pod = PodOf(R"({"name":"vllm"})");
  pod["metadata"]["labels"]["asya.sh/actor"] = "who";
  EXPECT_EQ(Message(Review(kInjectPath, Create(pod))), "there is no AsyncActor who");
  pod["metadata"]["labels"].AsObject().erase("asya.sh/actor");
  EXPECT_EQ(Message(Review(kInjectPath, Create(pod))),
            "metadata.labels[asya.sh/actor]: Required value: the pod is labelled asya.sh/inject: \"true\"; label it "
            "asya.sh/actor: NAME too, of an AsyncActor in namespace \"n\"");
}

TEST_F(AdmissionTest, LeavesAloneWhatDoesNotAskForIt) {
  json::Value plain = PodOf(R"({"name":"vllm"})");
  plain["metadata"].AsObject().erase("labels");
  EXPECT_EQ(json::Dump(Review(kInjectPath, Create(plain))), R"({"allowed":true,"uid":"u"})");
  EXPECT_EQ(json::Dump(Review(kCheckPath, Create(plain))), R"({"allowed":true,"uid":"u"})");
  json::Value mirror = PodOf(R"({"name":"vllm"})", "", R"("kubernetes.io/config.mirror":"hash")");
  EXPECT_EQ(json::Dump(Review(kInjectPath, Create(mirror))), R"({"allowed":true,"uid":"u"})");
  json::Value update = Create(PodOf(R"({"name":"vllm"})"));
  update["operation"] = "UPDATE";
  EXPECT_EQ(json::Dump(Review(kInjectPath, update)), R"({"allowed":true,"uid":"u"})");
}

TEST_F(AdmissionTest, AnswersBodiesThatAreNoReview) {
  EXPECT_EQ(Send(kInjectPath, "{").status, 400);
  EXPECT_EQ(Send(kInjectPath, R"({"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview"})").status, 400);
  EXPECT_EQ(Send(kInjectPath, std::string(kReviewBytesMax + 1, ' ')).status, 413);
  EXPECT_EQ(Send(kInjectPath, "{}", "text/plain").status, 415);
  EXPECT_EQ(Send("/webhooks/other", "{}").status, 404);
  http::Request get;
  get.method = "GET";
  get.path = kInjectPath;
  EXPECT_EQ(admission_.Answer(get).status, 405);
  json::Value deployment = Create(PodOf(R"({"name":"vllm"})"));
  deployment["resource"] = json::Object{{"group", "apps"}, {"version", "v1"}, {"resource", "deployments"}};
  EXPECT_NE(Message(Review(kInjectPath, deployment)).find("correct the rules"), std::string::npos);
  EXPECT_NE(Message(Review(kInjectPath, Create(json::Parse(R"({"metadata":{"labels":{"asya.sh/inject":"true",)"
                                                           R"("asya.sh/actor":"llm"}}})")
                                                   .value())))
                .find("spec: Required value"),
            std::string::npos);
}

// Each value below `place`, in turn, in another type.
void ForEachReplaced(json::Value& place, const std::function<void()>& look) {
  const json::Value before = place;
  for (const char* other : {"null", "true", "-1", "1e300", R"("")", R"("x")", "[]", "[null]", "{}", R"({"name":1})"}) {
    place = json::Parse(other).value();
    look();
  }
  place = before;
  if (place.IsObject()) {
    for (auto& [name, below] : place.AsObject()) ForEachReplaced(below, look);
  } else if (place.IsArray()) {
    for (json::Value& below : place.AsArray()) ForEachReplaced(below, look);
  }
}

TEST_F(AdmissionTest, HasAnAnswerToEveryReviewOfAWrongShape) {
  const json::Value pod = PodOf(R"({"name":"vllm","env":[{"name":"A","value":"b"}],"ports":[{"containerPort":1}],)"
                                R"("volumeMounts":[{"name":"v","mountPath":"/v"}]})",
                                R"("volumes":[{"name":"v","emptyDir":{}}],"initContainers":[{"name":"i"}],)"
                                R"("imagePullSecrets":[{"name":"s"}])",
                                R"("a":"b")");
  json::Value review =
      json::Object{{"apiVersion", "admission.k8s.io/v1"}, {"kind", "AdmissionReview"}, {"request", Create(pod)}};
  int seen = 0;
  ForEachReplaced(review, [&] {
    for (const char* path : {kInjectPath, kCheckPath, kKindsPath}) {
      const http::Response response = Send(path, json::Dump(review));
      EXPECT_TRUE(response.status == 200 || response.status == 400) << json::Dump(review) << response.body;
      const json::Value answer = json::Parse(response.body).value();
      EXPECT_EQ(answer.GetString("kind"), response.status == 200 ? "AdmissionReview" : "Status");
      ++seen;
    }
  });
  EXPECT_GT(seen, 500);
}

json::Value Actor(const std::string& operation, const std::string& spec, const std::string& old = "") {
  const auto whole = [](const std::string& text) {
    return json::Parse(
               R"({"apiVersion":"asya.sh/v1alpha1","kind":"AsyncActor","metadata":{"name":"a","namespace":"n"},)"
               R"("spec":)" +
               text + "}")
        .value();
  };
  json::Value request = json::Object{
      {"uid", "u"},
      {"operation", operation},
      {"namespace", "n"},
      {"name", "a"},
      {"resource", json::Object{{"group", "asya.sh"}, {"version", "v1alpha1"}, {"resource", "asyncactors"}}},
      {"object", whole(spec)}};
  if (!old.empty()) request["oldObject"] = whole(old);
  return request;
}

TEST_F(AdmissionTest, ValidatesOurKindsWhereTheyAreDefinitions) {
  EXPECT_TRUE(Review(kKindsPath, Actor("CREATE", R"({"image":"a","handler":"m.f"})")).GetBool("allowed").value());
  EXPECT_TRUE(Message(Review(kKindsPath, Actor("CREATE", R"({"image":"a","handler":"m.f","concurrency":0})")))
                  .starts_with("AsyncActor.asya.sh \"a\" is invalid: spec.concurrency: Invalid value: 0"));
  EXPECT_NE(Message(Review(kKindsPath, Actor("UPDATE", R"({"image":"a","handler":"m.f","actor":"b"})",
                                             R"({"image":"a","handler":"m.f","actor":"c"})")))
                .find("immutable"),
            std::string::npos);
  json::Value deleting = Actor("UPDATE", R"({"replicas":0})", R"({"replicas":0})");
  deleting["object"]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  EXPECT_TRUE(Review(kKindsPath, deleting).GetBool("allowed").value()) << "its finalizers must be able to go";
}

}  // namespace
}  // namespace asya::webhooks
