#include "reconcilers/keda_status.h"

#include <gtest/gtest.h>

#include "core/json/parse.h"

namespace asya::reconcilers {
namespace {

ports::Observed ScaledObject(const std::string& text) {
  return {{"keda.sh/v1alpha1", "ScaledObject", "team", "infer"}, json::Parse(text).value()};
}

// "False Reason message"; empty: no trouble.
std::string Trouble(const std::string& conditions, const std::string& annotations = "{}", bool paused = false) {
  const auto trouble = KedaTrouble({ScaledObject(R"({"metadata":{"annotations":)" + annotations +
                                                 R"(},"status":{"conditions":)" + conditions + "}}")},
                                   paused);
  if (!trouble) return "";
  return (trouble->ready == Truth::kFalse ? "False " : "Unknown ") + trouble->reason + " " + trouble->message;
}

constexpr const char* kReady = R"({"type":"Ready","status":"True","reason":"ScaledObjectReady"})";

TEST(KedaTrouble, IsThatItHasNotLooked) {
  ports::Observed deployment;
  deployment.ref.kind = "Deployment";
  for (const auto& children :
       {std::vector<ports::Observed>{}, std::vector{deployment}, std::vector{ScaledObject("{}")},
        std::vector{ScaledObject(R"({"status":{}})")},
        std::vector{ScaledObject(R"({"status":{"conditions":[{"type":"Ready","status":"Unknown"}]}})")}}) {
    const auto trouble = KedaTrouble(children, false);
    ASSERT_TRUE(trouble.has_value());
    EXPECT_EQ(trouble->ready, Truth::kUnknown);
    EXPECT_EQ(trouble->reason, "WaitingForKeda");
  }
}

TEST(KedaTrouble, IsWhatItSaysItself) {
  EXPECT_EQ(Trouble(R"([{"type":"Ready","status":"False","reason":"TriggerError","message":"no secret"}])"),
            "False TriggerError KEDA cannot scale by ScaledObject infer: no secret");
  EXPECT_EQ(Trouble(R"([{"type":"Ready","status":"False"}])"),
            "False ScaledObjectNotReady KEDA cannot scale by ScaledObject infer");
  EXPECT_EQ(Trouble(R"([{"type":"Ready","status":"Unknown","reason":"PartialTriggerError","message":"one fails"}])"),
            "Unknown PartialTriggerError KEDA can scale in part by ScaledObject infer: one fails");
  EXPECT_EQ(Trouble("[" + std::string(kReady) + R"(,{"type":"Fallback","status":"True","reason":"FallbackExists"}])"),
            "False FallbackExists KEDA gets no numbers by ScaledObject infer and holds the replicas");
}

TEST(KedaTrouble, IsAPauseOfSomebodyElse) {
  const std::string paused = "[" + std::string(kReady) + R"(,{"type":"Paused","status":"True"}])";
  const std::string annotation = R"({"autoscaling.keda.sh/paused":"true"})";
  EXPECT_EQ(Trouble(paused, annotation).substr(0, 24), "False ScaledObjectPaused");
  EXPECT_EQ(Trouble(paused, annotation, true), "");
  EXPECT_EQ(Trouble(paused), "") << "resumed, and KEDA has yet to say so";
}

TEST(KedaTrouble, IsNotWhatChangesWithTheWork) {
  EXPECT_EQ(Trouble("[" + std::string(kReady) +
                    R"(,{"type":"Active","status":"False"},{"type":"Fallback","status":"False"},)"
                    R"({"type":"HPAActive","status":"False"}])"),
            "");
}

}  // namespace
}  // namespace asya::reconcilers
