#include "webhooks/configurations.h"

#include <gtest/gtest.h>

namespace asya::webhooks {
namespace {

const json::Value& WebhookOf(const json::Value& configuration, std::size_t place) {
  return configuration.Find("webhooks")->AsArray().at(place);
}

TEST(Configurations, AskAboutLabelledPodsOutsideOfTheControlPlane) {
  const auto all = RenderConfigurations({"tools", "api", 8443, "PEM"});
  ASSERT_EQ(all.size(), 2U);
  for (const json::Value& configuration : all) {
    const json::Value& pods = WebhookOf(configuration, 0);
    EXPECT_EQ(json::Dump(*pods.Find("objectSelector")), R"({"matchLabels":{"asya.sh/inject":"true"}})");
    EXPECT_EQ(json::Dump(*pods.Find("namespaceSelector")),
              R"({"matchExpressions":[{"key":"kubernetes.io/metadata.name","operator":"NotIn",)"
              R"("values":["kube-system","tools"]}]})");
    EXPECT_EQ(pods.GetString("failurePolicy"), "Fail");
    EXPECT_EQ(pods.FindPath({"clientConfig", "caBundle"})->AsString(), "UEVN");
  }
  EXPECT_EQ(WebhookOf(all[0], 0).GetString("reinvocationPolicy"), "IfNeeded");
  EXPECT_EQ(json::Dump(*WebhookOf(all[0], 0).FindPath({"clientConfig", "service"})),
            R"({"name":"api","namespace":"tools","path":"/webhooks/inject","port":8443})");
  EXPECT_EQ(json::Dump(*WebhookOf(all[1], 1).Find("rules")),
            R"([{"apiGroups":["asya.sh"],"apiVersions":["v1alpha1"],"operations":["CREATE","UPDATE"],)"
            R"("resources":["*"],"scope":"*"}])");
}

TEST(Configurations, LeaveTheCaToTheServerThatMakesItsOwn) {
  const auto all = RenderConfigurations({"asya-system", "asya-server", 443, ""});
  EXPECT_EQ(WebhookOf(all[0], 0).FindPath({"clientConfig", "caBundle"}), nullptr);
}

}  // namespace
}  // namespace asya::webhooks
