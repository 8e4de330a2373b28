#include "server/render_aggregation.h"

#include <gtest/gtest.h>

#include <fstream>

#include "core/yaml/parse.h"
#include "tests/support/temporary_folder.h"

namespace asya::server {
namespace {

json::Array Parsed(const AggregationSettings& settings) {
  json::Array objects;
  const auto documents = yaml::ParseAll(RenderAggregation(settings));
  EXPECT_TRUE(documents.ok());
  for (const auto& document : *documents) objects.push_back(document.value);
  return objects;
}

json::Value Named(const json::Array& objects, const std::string& kind, const std::string& name) {
  for (const json::Value& object : objects) {
    if (object.GetString("kind") == kind && object.FindPath({"metadata", "name"})->AsString() == name) return object;
  }
  ADD_FAILURE() << "no " << kind << " " << name;
  return {};
}

TEST(RenderAggregation, NamesOneServerEverywhere) {
  AggregationSettings settings{"tools", "api", "speaker", "PEM"};
  const json::Array objects = Parsed(settings);
  const json::Value service = Named(objects, "APIService", "v1alpha1.asya.sh");
  EXPECT_EQ(json::Dump(*service.FindPath({"spec", "service"})), R"({"name":"api","namespace":"tools","port":443})");
  EXPECT_EQ(service.FindPath({"spec", "caBundle"})->AsString(), "UEVN");
  EXPECT_EQ(json::Dump(*Named(objects, "RoleBinding", "speaker-authentication-reader").Find("subjects")),
            R"([{"kind":"ServiceAccount","name":"speaker","namespace":"tools"}])");
  EXPECT_EQ(RenderAggregation(settings), RenderAggregation(settings));
}

TEST(RenderAggregation, GivesRolesWhatTheyAreCalled) {
  const json::Array objects = Parsed({});
  const std::string view = json::Dump(Named(objects, "ClusterRole", "asya-view"));
  EXPECT_NE(view.find("aggregate-to-view\":\"true\""), std::string::npos);
  EXPECT_NE(view.find("\"asyncactors/history\""), std::string::npos);
  EXPECT_NE(view.find("\"flavors\""), std::string::npos);
  EXPECT_EQ(view.find("update"), std::string::npos);
  const std::string edit = json::Dump(Named(objects, "ClusterRole", "asya-edit"));
  EXPECT_EQ(edit.find("aggregate-to-view"), std::string::npos);
  EXPECT_EQ(edit.find("flavors"), std::string::npos);
  EXPECT_EQ(edit.find("status"), std::string::npos) << "a status is believed by people and tools";
  EXPECT_EQ(edit.find("flows/scale"), std::string::npos) << "it has none";
  EXPECT_NE(edit.find(R"("resources":["plans"],"verbs":["create"])"), std::string::npos);
  EXPECT_EQ(view.find("plans"), std::string::npos) << "it shows what a write would do, to who may write";
}

TEST(RenderAggregation, LetsRelaysInWhereActorsRun) {
  AggregationSettings settings;
  const std::string alone = json::Dump(*Named(Parsed(settings), "Service", "asya-server").FindPath({"spec", "ports"}));
  EXPECT_EQ(alone.find("reports"), std::string::npos);
  settings.controllers = true;
  const std::string all = json::Dump(*Named(Parsed(settings), "Service", "asya-server").FindPath({"spec", "ports"}));
  EXPECT_NE(all.find(R"({"name":"reports","port":6444})"), std::string::npos) << all;
}

TEST(RenderAggregation, GivesTasksToWhoMayEdit) {
  const json::Array objects = Parsed({});
  const std::string view = json::Dump(Named(objects, "ClusterRole", "asya-view"));
  EXPECT_NE(view.find(R"("resources":["tasks","deadletters"],"verbs":["get","list"])"), std::string::npos) << view;
  const std::string edit = json::Dump(Named(objects, "ClusterRole", "asya-edit"));
  EXPECT_NE(edit.find(R"("resources":["tasks"],"verbs":["create","delete"])"), std::string::npos) << edit;
}

TEST(RenderAggregation, LetsAServerKeepACertificateThatNobodyGivesIt) {
  const json::Array own = Parsed({});
  EXPECT_EQ(Named(own, "APIService", "v1alpha1.asya.sh").FindPath({"spec", "caBundle"}), nullptr);
  EXPECT_NE(json::Dump(Named(own, "Role", "asya-server")).find(R"("resourceNames":["asya-serving"])"),
            std::string::npos);
  AggregationSettings given;
  given.ca_pem = "PEM";
  EXPECT_EQ(json::Dump(Named(Parsed(given), "Role", "asya-server")).find("secrets"), std::string::npos)
      << "no more than is needed";
}

TEST(RenderAggregation, TellsOfWebhooksWhereTheyAreAskedFor) {
  EXPECT_EQ(RenderAggregation({}).find("admissionregistration"), std::string::npos);
  AggregationSettings settings;
  settings.webhooks = true;
  const json::Array objects = Parsed(settings);
  Named(objects, "MutatingWebhookConfiguration", "asya-injection");
  Named(objects, "ValidatingWebhookConfiguration", "asya-validation");
  const std::string rights = json::Dump(Named(objects, "ClusterRole", "asya-server"));
  EXPECT_NE(rights.find(R"("resourceNames":["asya-injection"],"resources":["mutatingwebhookconfigurations"])"),
            std::string::npos)
      << rights;
  EXPECT_NE(rights.find(R"({"apiGroups":[""],"resources":["pods/eviction"],"verbs":["create"]})"), std::string::npos)
      << rights;
}

// Pods are followed by lists and watches, counts are patched without a look, and there is one Lease.
TEST(RenderAggregation, GivesControllersNoMoreThanTheyCall) {
  AggregationSettings settings;
  settings.controllers = true;
  const json::Array objects = Parsed(settings);
  const std::string rights = json::Dump(Named(objects, "ClusterRole", "asya-server-controllers"));
  EXPECT_NE(rights.find(R"("resources":["pods"],"verbs":["list","watch"])"), std::string::npos) << rights;
  EXPECT_NE(rights.find(R"("resources":["deployments/scale"],"verbs":["patch"])"), std::string::npos) << rights;
  const std::string lease = json::Dump(*Named(objects, "Role", "asya-server-controllers").Find("rules"));
  EXPECT_EQ(lease, R"([{"apiGroups":["coordination.k8s.io"],"resourceNames":["asya-controllers"],)"
                   R"("resources":["leases"],"verbs":["get","update"]},)"
                   R"({"apiGroups":["coordination.k8s.io"],"resources":["leases"],"verbs":["create"]}])");
}

TEST(RenderAggregation, TellsOfThePortThatWebhooksHave) {
  AggregationSettings settings;
  settings.controllers = true;
  ASSERT_TRUE(ParseAggregationFlags({"--webhooks=all", "--webhooks-port=6445"}, settings).empty());
  const json::Array objects = Parsed(settings);
  const std::string service = json::Dump(Named(objects, "Service", "asya-server"));
  EXPECT_NE(service.find(R"({"name":"webhooks","port":6445})"), std::string::npos) << service;
  for (const auto& [kind, name] : {std::pair("MutatingWebhookConfiguration", "asya-injection"),
                                   std::pair("ValidatingWebhookConfiguration", "asya-validation")}) {
    const json::Value configuration = Named(objects, kind, name);
    for (const json::Value& webhook : configuration.Find("webhooks")->AsArray()) {
      EXPECT_EQ(webhook.FindPath({"clientConfig", "service", "port"})->AsInt(), 6445) << name;
    }
  }
  EXPECT_FALSE(ParseAggregationFlags({"--webhooks-port=many"}, settings).empty());
}

TEST(RenderAggregation, GivesRightsToTheSecretsOfTransportsByName) {
  AggregationSettings settings;
  settings.controllers = true;
  ASSERT_TRUE(
      ParseAggregationFlags({"--credentials=rabbit=rabbit-pods", "--credentials=rabbit=vault/rabbit-admin"}, settings)
          .empty());
  const json::Array objects = Parsed(settings);
  EXPECT_EQ(json::Dump(*Named(objects, "ClusterRole", "asya-server-credentials").Find("rules")),
            R"([{"apiGroups":[""],"resourceNames":["asya-transport-rabbit"],"resources":["secrets"],)"
            R"("verbs":["create","delete","get","patch"]}])");
  std::string sources;
  for (const json::Value& object : objects) {
    if (object.GetString("kind") == "Role" &&
        object.FindPath({"metadata", "name"})->AsString() == "asya-server-credentials") {
      sources += object.FindPath({"metadata", "namespace"})->AsString() + json::Dump(*object.Find("rules"));
    }
  }
  EXPECT_EQ(sources,
            R"(asya-system[{"apiGroups":[""],"resourceNames":["rabbit-pods"],"resources":["secrets"],"verbs":["get"]}])"
            R"(vault[{"apiGroups":[""],"resourceNames":["rabbit-admin"],"resources":["secrets"],"verbs":["get"]}])");
  for (const char* wrong : {"rabbit", "=x", "a=", "a=B/c", "a=b/"}) {
    AggregationSettings ignored;
    EXPECT_FALSE(ParseAggregationFlags({"--credentials", wrong}, ignored).empty()) << wrong;
  }
}

TEST(RenderAggregation, TakesItsFlags) {
  const tests::TemporaryFolder folder;
  std::ofstream(folder.path() + "/ca.crt") << "-----BEGIN CERTIFICATE-----\n";
  std::ofstream(folder.path() + "/other") << "text\n";
  AggregationSettings settings;
  EXPECT_TRUE(
      ParseAggregationFlags({"--namespace=a", "--service", "b", "--ca-file", folder.path() + "/ca.crt"}, settings)
          .empty());
  EXPECT_EQ(settings.namespace_ + settings.service + settings.service_account, "abasya-server");
  const auto mistake = [&](const std::vector<std::string>& arguments) {
    AggregationSettings ignored;
    const auto errors = ParseAggregationFlags(arguments, ignored);
    return errors.empty() ? "" : errors.front().field;
  };
  EXPECT_EQ(mistake({}), "");
  EXPECT_EQ(mistake({"--ca-file", folder.path() + "/other"}), "--ca-file");
  EXPECT_EQ(mistake({"--ca-file", folder.path() + "/absent"}), "--ca-file");
  EXPECT_EQ(mistake({"--namespace", "A"}), "--namespace");
}

}  // namespace
}  // namespace asya::server
