#include "cluster/local/pod_plan.h"

#include <gtest/gtest.h>

#include "core/json/parse.h"

namespace asya::cluster::local {
namespace {

using std::chrono::seconds;

json::Value Json(std::string_view text) { return json::Parse(text).value(); }

TEST(PodPlan, ReadsContainersAnnotationsAndGrace) {
  const auto plan = PlanPod(Json(R"({"metadata":{"name":"infer","namespace":"team"},"spec":{"template":{
    "metadata":{"annotations":{"local.asya.sh/source-dir":"code","local.asya.sh/python":"bin/python"}},
    "spec":{"terminationGracePeriodSeconds":120,
      "initContainers":[{"name":"asya-relay","env":[
        {"name":"ASYA_SOCKET_DIR","value":"/var/run/asya"},
        {"name":"ASYA_METRICS_ADDR","value":"unix:/var/run/asya/m.sock"},
        {"name":"OTHER","value":"/var/run/asyax/y"},
        {"name":"POD","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}},
        {"name":"NAMESPACE","valueFrom":{"fieldRef":{"fieldPath":"metadata.namespace"}}}]}],
      "containers":[{"name":"asya-runtime","env":[{"name":"ASYA_HANDLER","value":"h.f"}]}]}}}})"),
                            LocalSettings{});
  ASSERT_TRUE(plan.ok());
  EXPECT_TRUE(plan->has_runtime);
  EXPECT_EQ(plan->source_dir, "code");
  EXPECT_EQ(plan->python, "bin/python");
  EXPECT_EQ(plan->grace, seconds(120));
  const auto relay = Localize(plan->relay_environment, "/r/1", "infer-1");
  EXPECT_EQ(relay.at("ASYA_SOCKET_DIR"), "/r/1");
  EXPECT_EQ(relay.at("ASYA_METRICS_ADDR"), "unix:/r/1/m.sock");
  EXPECT_EQ(relay.at("OTHER"), "/var/run/asyax/y");
  EXPECT_EQ(relay.at("POD"), "infer-1");
  EXPECT_EQ(relay.at("NAMESPACE"), "team");
}

TEST(PodPlan, WantsARelay) {
  EXPECT_FALSE(PlanPod(Json(R"({"metadata":{"name":"x"},"spec":{}})"), LocalSettings{}).ok());
  const auto plan =
      PlanPod(Json(R"({"metadata":{"name":"x"},"spec":{"template":{"spec":{"containers":[{"name":"web"}]}}}})"),
              LocalSettings{});
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(plan.error().field, "spec.template.spec.containers");
}

TEST(PodPlan, AHandlerWithoutAFolderLiesInTheProject) {
  LocalSettings settings;
  settings.source_dir = "/project";
  settings.source_python = "/project/bin/python";
  const auto plan_of = [&settings](const std::string& annotations, const std::string& containers) {
    return PlanPod(Json(R"({"metadata":{"name":"x"},"spec":{"template":{"metadata":{"annotations":{)" + annotations +
                        R"(}},"spec":{"containers":[{"name":"asya-relay"})" + containers + "]}}}}"),
                   settings)
        .value();
  };
  const std::string runtime = R"(,{"name":"asya-runtime"})";
  EXPECT_EQ(plan_of("", runtime).source_dir, "/project");
  EXPECT_EQ(plan_of("", runtime).python, "/project/bin/python");
  EXPECT_EQ(plan_of(R"("local.asya.sh/python":"other")", runtime).python, "other");
  EXPECT_EQ(plan_of(R"("local.asya.sh/source-dir":"code")", runtime).source_dir, "code");
  EXPECT_EQ(plan_of(R"("local.asya.sh/source-dir":"code")", runtime).python, "");
  EXPECT_EQ(plan_of("", "").source_dir, "");
}

}  // namespace
}  // namespace asya::cluster::local
