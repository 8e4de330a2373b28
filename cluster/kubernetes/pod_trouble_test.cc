#include "cluster/kubernetes/pod_trouble.h"

#include <gtest/gtest.h>

#include "core/json/parse.h"

namespace asya::cluster::kubernetes {
namespace {

// What a real kubelet, scheduler or controller wrote, but for the names.
std::string Said(const std::string& status) {
  const auto pod = json::Parse(R"({"metadata":{"name":"echo-1","namespace":"team"},"status":)" + status + "}");
  const auto trouble = TroubleOf(pod.value());
  return trouble ? (trouble->needs_change ? "! " : "") + trouble->reason + " | " + trouble->message : "nothing";
}

std::string Container(const std::string& members) {
  return R"({"containerStatuses":[{"name":"asya-runtime","image":"echo:1","ready":false,)" + members + "}]}";
}

TEST(PodTrouble, IsNoneWhileAPodComes) {
  EXPECT_EQ(Said("{}"), "nothing");
  EXPECT_EQ(Said(Container(R"("state":{"waiting":{"reason":"ContainerCreating"}})")), "nothing");
  EXPECT_EQ(Said(Container(R"("state":{"running":{}})")), "nothing");
  EXPECT_EQ(Said(Container(R"("restartCount":1,"state":{"terminated":{"exitCode":0,"reason":"Completed"}})")),
            "nothing");
}

TEST(PodTrouble, SaysTheSameWhileAnImageIsPulledAgainAndAgain) {
  const std::string said = Said(Container(
      R"("state":{"waiting":{"reason":"ErrImagePull","message":"failed to pull and unpack image )"
      R"(\"echo:1\": not found"}})"));
  EXPECT_EQ(said,
            "! ImagePullBackOff | asya-runtime: the image \"echo:1\" cannot be pulled: failed to pull and unpack image "
            "\"echo:1\": not found");
  EXPECT_EQ(Said(Container(R"("state":{"waiting":{"reason":"ImagePullBackOff","message":"Back-off pulling image )"
                           R"(\"echo:1\": ErrImagePull: failed to pull and unpack image \"echo:1\": not found"}})")),
            said);
  EXPECT_EQ(Said(Container(R"("state":{"waiting":{"reason":"InvalidImageName","message":"couldn't parse"}})")),
            "! InvalidImageName | asya-runtime: the image \"echo:1\" cannot be pulled: couldn't parse");
}

TEST(PodTrouble, NamesWhatThePodIsMadeOf) {
  const auto config = [](const std::string& message) {
    return Said(Container(R"("state":{"waiting":{"reason":"CreateContainerConfigError","message":)" +
                          json::Dump(json::Value(message)) + "}}"));
  };
  EXPECT_EQ(config("secret \"keys\" not found"),
            "! SecretMissing | asya-runtime: there is no Secret keys; the pod starts by itself once it is there");
  EXPECT_EQ(
      config("couldn't find key token in Secret team/keys"),
      "! SecretMissing | asya-runtime: Secret team/keys has no key token; the pod starts by itself once it is there");
  EXPECT_EQ(
      config("configmap \"settings\" not found"),
      "! ConfigMapMissing | asya-runtime: there is no ConfigMap settings; the pod starts by itself once it is there");
  EXPECT_EQ(config("container has runAsNonRoot and image will run as root (pod: \"echo-1_team(0b)\", container: "
                   "asya-runtime)"),
            "! ImageNeedsRoot | asya-runtime: the image \"echo:1\" runs as root or as a user without a number, which "
            "runAsNonRoot forbids; build it with a USER that is a number, or allow it by spec.podSecurityContext: "
            "{runAsNonRoot: false, runAsUser: 0}");
  EXPECT_EQ(config("something else"), "! CreateContainerConfigError | asya-runtime: something else");
}

TEST(PodTrouble, SaysTheSameThroughoutACrashLoop) {
  const std::string end =
      R"({"terminated":{"exitCode":2,"reason":"Error","message":"first\nASYA_HANDLER is missing\n"}})";
  const std::string said = Said(
      Container(R"("restartCount":3,"lastState":)" + end +
                R"(,"state":{"waiting":{"reason":"CrashLoopBackOff","message":"back-off 40s restarting failed"}})"));
  EXPECT_EQ(said, "! CrashLoopBackOff | asya-runtime: ended with status 2: ASYA_HANDLER is missing");
  EXPECT_EQ(Said(Container(R"("restartCount":3,"lastState":)" + end + R"(,"state":{"running":{}})")), said);
  EXPECT_EQ(Said(Container(R"("restartCount":3,"state":)" + end)), said);
  EXPECT_EQ(Said(Container(R"("restartCount":0,"state":)" + end)),
            "Restarting | asya-runtime: ended with status 2: ASYA_HANDLER is missing");
  EXPECT_EQ(Said(Container(R"("restartCount":2,"lastState":{"terminated":{"exitCode":137,"reason":"OOMKilled"}},)"
                           R"("state":{"running":{}})")),
            "! OOMKilled | asya-runtime: was ended because it took more memory than resources.limits.memory; raise it");
  EXPECT_EQ(
      Said(Container(R"("restartCount":2,"state":{"terminated":{"exitCode":128,"reason":"StartError","message":)"
                     R"("exec: \"python3\": permission denied"}})")),
      "! ImageNeedsRoot | asya-runtime: exec: \"python3\": permission denied; build the image so that any user may "
      "run it, or set spec.podSecurityContext.runAsUser");
}

TEST(PodTrouble, SaysWhyNoNodeTakesAPod) {
  EXPECT_EQ(
      Said(R"({"conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable","message":)"
           R"("0/1 nodes are available: 1 Insufficient nvidia.com/gpu. preemption: 0/1 nodes are available: 1 No )"
           R"(preemption victims found for incoming pods."}]})"),
      "Unschedulable | no node takes the pod: 0/1 nodes are available: 1 Insufficient nvidia.com/gpu.");
}

TEST(PodTrouble, SaysWhyThereIsNoPod) {
  const auto refused = [](const std::string& message) {
    const Trouble trouble = FailedCreate(json::Object{{"reason", "FailedCreate"}, {"message", message}});
    return trouble.reason + " | " + trouble.message;
  };
  EXPECT_EQ(
      refused("pods \"echo-6f-x2x4z\" is forbidden: exceeded quota: small, requested: pods=1, used: pods=1, limited: "
              "pods=1"),
      "QuotaExceeded | no pod can be made: exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1; "
      "raise the ResourceQuota of the namespace, or have the actor ask for less");
  EXPECT_EQ(refused("pods \"echo-6f-x2x4z\" is forbidden: violates PodSecurity \"restricted:latest\": privileged"),
            "PodSecurityForbidden | no pod can be made: violates PodSecurity \"restricted:latest\": privileged");
  EXPECT_EQ(refused("pods \"echo-6f-\" is forbidden: error looking up service account team/x: not found"),
            "ServiceAccountMissing | no pod can be made: error looking up service account team/x: not found");
}

TEST(PodTrouble, IsCutBetweenCharacters) {
  std::string long_text;
  while (long_text.size() < 2 * kTroubleBytesMax) long_text += "é";
  const Trouble trouble = FailedCreate(json::Object{{"message", "x" + long_text}});
  EXPECT_LE(trouble.message.size(), kTroubleBytesMax + 3);
  EXPECT_TRUE(json::Parse(json::Dump(json::Value(trouble.message))).ok());
}

}  // namespace
}  // namespace asya::cluster::kubernetes
