#include "webhooks/slipped_pod.h"

#include <gtest/gtest.h>

#include "core/json/parse.h"
#include "webhooks/injection.h"

namespace asya::webhooks {
namespace {

constexpr const char* kRelay = R"("initContainers":[{"name":"asya-relay","restartPolicy":"Always"}],)";
constexpr const char* kReplicaSet = R"([{"kind":"ReplicaSet","name":"vllm-1","controller":true}])";

json::Value PodMade(const std::string& at, const std::string& owners = kReplicaSet, const std::string& spec = "") {
  return json::Parse(R"({"metadata":{"name":"p","namespace":"n","creationTimestamp":")" + at +
                     R"(","ownerReferences":)" + owners +
                     R"(,"labels":{"asya.sh/inject":"true","asya.sh/actor":"llm"}},"spec":{)" + spec +
                     R"("containers":[{"name":"vllm"}]},"status":{"phase":"Running"}})")
      .value();
}

constexpr const char* kBefore = "2026-01-01T00:00:00Z";
constexpr const char* kSince = "2026-01-01T00:00:01Z";

SlippedPod Judged(const json::Value& pod, const Status& again = Ok()) {
  return Judge(pod, InstalledWebhook{true, kSince}, again, "asya-system");
}

TEST(LacksRelay, OfPodsThatAskForOneAndLive) {
  EXPECT_TRUE(LacksRelay(PodMade(kBefore)));
  EXPECT_FALSE(LacksRelay(PodMade(kBefore, "[]", kRelay)));
  json::Value pod = PodMade(kBefore);
  pod["metadata"]["labels"]["asya.sh/inject"] = "false";
  EXPECT_FALSE(LacksRelay(pod));
  for (const char* phase : {"Succeeded", "Failed"}) {
    pod = PodMade(kBefore);
    pod["status"]["phase"] = phase;
    EXPECT_FALSE(LacksRelay(pod)) << phase;
  }
  pod = PodMade(kBefore);
  pod["metadata"]["deletionTimestamp"] = kSince;
  EXPECT_FALSE(LacksRelay(pod));
  pod = PodMade(kBefore);
  pod["metadata"]["annotations"] = json::Object{{kMirrorAnnotation, "hash"}};
  EXPECT_FALSE(LacksRelay(pod)) << "a kubelet runs what its file says";
  EXPECT_FALSE(LacksRelay(json::Value()));
}

TEST(ReadInstalled, NeedsTheWebhookAndItsCa) {
  const auto installed = [](const std::string& text) { return ReadInstalled(json::Parse(text).value()); };
  const InstalledWebhook there =
      installed(R"({"metadata":{"creationTimestamp":"2026-01-01T00:00:01Z"},)"
                R"("webhooks":[{"name":"inject.pods.asya.sh","clientConfig":{"caBundle":"Cg=="}}]})");
  EXPECT_TRUE(there.there);
  EXPECT_EQ(there.since, kSince);
  EXPECT_FALSE(installed("null").there);
  EXPECT_FALSE(installed(R"({"metadata":{"creationTimestamp":"2026-01-01T00:00:01Z"},"webhooks":[)"
                         R"({"name":"inject.pods.asya.sh","clientConfig":{}}]})")
                   .there);
  EXPECT_FALSE(installed(R"({"metadata":{"creationTimestamp":"2026-01-01T00:00:01Z"},"webhooks":[)"
                         R"({"name":"other","clientConfig":{"caBundle":"Cg=="}}]})")
                   .there);
}

TEST(SlippedPods, AreReplacedWhereTheyAreOlderThanTheWebhook) {
  const SlippedPod judged = Judged(PodMade(kBefore));
  EXPECT_EQ(judged.fate, Fate::kReplaced);
  EXPECT_EQ(judged.reason, "RelayReplaced");
  EXPECT_EQ(judged.message,
            "the pod asks for a relay (asya.sh/inject) and has none, so it gets no work: it was made before the "
            "webhook asya-injection was; it is evicted once the other pods of its actor are ready, and ReplicaSet "
            "vllm-1 makes it anew");
}

TEST(SlippedPods, AreElseToldOfWithTheFix) {
  const auto told = [](const SlippedPod& judged, const char* reason, const char* part) {
    EXPECT_EQ(judged.fate, Fate::kLeftAlone) << judged.message;
    EXPECT_EQ(judged.reason, reason) << judged.message;
    EXPECT_NE(judged.message.find(part), std::string::npos) << judged.message;
  };
  told(Judged(PodMade(kSince)), "RelayMissing", "delete the pod or restart its owner, e.g. kubectl rollout restart");
  told(Judged(PodMade(kBefore, "[]")), "RelayMissing", "nothing makes it anew; delete it and make it again");
  told(Judged(PodMade(kBefore, R"([{"kind":"Node","name":"n"}])")), "RelayMissing", "nothing makes it anew");
  told(Judged(PodMade(kBefore, R"([{"kind":"Job","name":"j","controller":true}])")), "RelayMissing",
       "Job j would count its end as a failure");
  told(Judged(PodMade(kBefore), Invalid("", "there is no AsyncActor \"llm\"")), "RelayRefused",
       "one made now would be refused: there is no AsyncActor \"llm\"; put that right");
  told(Judge(PodMade(kBefore), InstalledWebhook{}, Ok(), "asya-system"), "WebhookMissing", "webhooks.enabled");
  json::Value pod = PodMade(kBefore);
  for (const char* place : {"kube-system", "asya-system"}) {
    pod["metadata"]["namespace"] = place;
    told(Judged(pod), "RelayMissing", "run it in another namespace");
  }
}

}  // namespace
}  // namespace asya::webhooks
