#include "apiserver/access/roles.h"

#include <gtest/gtest.h>

#include "apiserver/test_api.h"
#include "core/yaml/parse.h"

namespace asya::apiserver {
namespace {

constexpr const char* kFile = R"(
bindings:
- {role: admin, users: [ada], namespaces: ["*"]}
- {role: view, groups: [auditors], namespaces: ["*"]}
- {role: admin, groups: [vision-leads], namespaces: [vision]}
- {role: edit, groups: [vision], namespaces: [vision, vision-next]}
- {role: view, users: [eve], groups: [guests], namespaces: [vision]}
)";

Result<Roles> Read(const std::string& text) { return Roles::Parse(yaml::Parse(text).value()); }

std::string MistakeIn(const std::string& text) {
  const auto roles = Read(text);
  return roles.ok() ? "" : roles.error().message;
}

// What is asked for: "verb resource[/subresource] [namespace[/name]]"; a lone "/name" has no namespace.
Call Asking(const User& user, const std::string& question) {
  const auto first = question.find(' ');
  const auto second = std::min(question.find(' ', first + 1), question.size());
  std::string resource = question.substr(first + 1, second - first - 1);
  std::string place = second == question.size() ? "" : question.substr(second + 1);
  Call call;
  call.user = user;
  call.info.verb = question.substr(0, first);
  if (const auto slash = resource.find('/'); slash != std::string::npos) {
    call.info.subresource = resource.substr(slash + 1);
    resource.resize(slash);
  }
  if (const auto slash = place.find('/'); slash != std::string::npos) {
    call.info.name = place.substr(slash + 1);
    place.resize(slash);
  }
  call.info.namespace_ = place;
  const bool core = resource == "namespaces" || resource == "events" || resource == "secrets";
  call.resource = FindResource(core ? "" : "asya.sh", core ? "v1" : "v1alpha1", resource);
  return call;
}

class RolesTest : public testing::Test {
 protected:
  [[nodiscard]] bool Can(const User& user, const std::string& question) const {
    return roles_.Allows(Asking(user, question));
  }
  const Roles roles_ = Read(kFile).value();
  const User ada_{"ada", {}};
  const User root_{"root", {kMastersGroup}};
  const User auditor_{"ann", {"auditors"}};
  const User lead_{"lea", {"vision-leads"}};
  const User dev_{"dan", {"night", "vision"}};
  const User guest_{"eve", {}};
  const User nobody_{"mallory", {"unknown"}};
};

TEST_F(RolesTest, ViewReadsItsNamespaces) {
  for (const char* allowed :
       {"get asyncactors vision/a", "list asyncactors vision", "watch flows vision", "list events vision",
        "get asyncactors/status vision/a", "get asyncactors/scale vision/a", "get asyncactors/history vision/a",
        "get asyncactors/diff vision/a", "get asyncactors/diff vision/a", "get namespaces /vision"}) {
    EXPECT_TRUE(Can(guest_, allowed)) << allowed;
  }
  for (const char* refused :
       {"get asyncactors other/a", "list asyncactors", "watch asyncactors", "create asyncactors vision",
        "patch asyncactors vision/a", "update asyncactors/scale vision/a", "patch asyncactors/status vision/a",
        "create asyncactors/restore vision/a", "get asyncactors/restore vision/a", "delete asyncactors vision/a",
        "deletecollection asyncactors vision", "list namespaces", "get namespaces /other", "delete namespaces /vision",
        "impersonate asyncactors vision/a", "* asyncactors vision", " asyncactors vision"}) {
    EXPECT_FALSE(Can(guest_, refused)) << refused;
  }
}

TEST_F(RolesTest, EditWritesActorsAndFlowsOfItsNamespaces) {
  for (const char* allowed :
       {"create asyncactors vision-next", "update asyncactors vision/a", "patch flows vision/a",
        "delete flows vision/a", "deletecollection asyncactors vision", "update asyncactors/scale vision/a",
        "patch asyncactors/scale vision/a", "create asyncactors/restore vision/a", "get asyncactors vision/a"}) {
    EXPECT_TRUE(Can(dev_, allowed)) << allowed;
  }
  for (const char* refused : {"create asyncactors other", "update asyncactors/status vision/a", "create asyncactors",
                              "delete namespaces /vision", "create namespaces", "create flavors"}) {
    EXPECT_FALSE(Can(dev_, refused)) << refused;
  }
}

TEST_F(RolesTest, AdminOfANamespaceHasTheNamespaceItself) {
  EXPECT_TRUE(Can(lead_, "create asyncactors vision"));
  EXPECT_TRUE(Can(lead_, "delete namespaces /vision"));
  EXPECT_TRUE(Can(lead_, "patch namespaces /vision"));
  EXPECT_FALSE(Can(lead_, "update namespaces/status /vision"));
  EXPECT_FALSE(Can(lead_, "update namespaces/finalize /vision"));
  EXPECT_FALSE(Can(lead_, "create namespaces /vision"));
  EXPECT_FALSE(Can(lead_, "delete namespaces /vision-next"));
  EXPECT_FALSE(Can(lead_, "patch transports /fast"));
  EXPECT_FALSE(Can(lead_, "patch asyncactors/status vision/a"));
}

TEST_F(RolesTest, ClusterScopedKindsAreReadWithAnyRoleAndWrittenByAdminsOfEverything) {
  for (const char* kind : {"flavors", "transports", "compositions", "functions"}) {
    const std::string what = kind;
    for (const User& reader : {guest_, dev_, lead_, auditor_, ada_, root_}) {
      EXPECT_TRUE(Can(reader, "get " + what + " /x")) << reader.name << what;
      EXPECT_TRUE(Can(reader, "watch " + what)) << reader.name << what;
      EXPECT_TRUE(Can(reader, "get " + what + "/history /x")) << reader.name << what;
    }
    for (const User& reader : {guest_, dev_, lead_, auditor_, nobody_}) {
      EXPECT_FALSE(Can(reader, "patch " + what + " /x")) << reader.name << what;
      EXPECT_FALSE(Can(reader, "create " + what + "/restore /x")) << reader.name << what;
    }
    EXPECT_TRUE(Can(ada_, "create " + what)) << what;
    EXPECT_FALSE(Can(nobody_, "get " + what + " /x")) << what;
  }
}

TEST_F(RolesTest, RolesOfEverythingReachEverywhere) {
  EXPECT_TRUE(Can(auditor_, "list asyncactors"));
  EXPECT_TRUE(Can(auditor_, "list namespaces"));
  EXPECT_TRUE(Can(auditor_, "get asyncactors any/a"));
  EXPECT_FALSE(Can(auditor_, "delete asyncactors any/a"));
  for (const User& master : {ada_, root_}) {
    EXPECT_TRUE(Can(master, "create namespaces"));
    EXPECT_TRUE(Can(master, "update asyncactors/status any/a"));
    EXPECT_TRUE(Can(master, "deletecollection asyncactors any"));
  }
  EXPECT_FALSE(Roles().Allows(Asking(ada_, "get asyncactors vision/a")));
  EXPECT_TRUE(Roles().Allows(Asking(root_, "get asyncactors vision/a")));
  EXPECT_TRUE(Read("bindings: [{role: view, groups: ['system:authenticated'], namespaces: [open]}]")
                  ->Allows(Asking(nobody_, "get asyncactors open/a")));
}

// kubectl auth can-i names the namespace of its context whatever it asks about.
TEST_F(RolesTest, SecretsAreReadWithEditAlone) {
  for (const char* question : {"get secrets vision/a", "list secrets vision", "watch secrets vision",
                               "create secrets vision", "delete secrets vision/a", "deletecollection secrets vision"}) {
    EXPECT_TRUE(Can(dev_, question)) << question;
    EXPECT_TRUE(Can(ada_, question)) << question;
    for (const User& user : {guest_, auditor_, nobody_}) EXPECT_FALSE(Can(user, question)) << question;
  }
  EXPECT_FALSE(Can(dev_, "list secrets"));
  EXPECT_FALSE(Can(dev_, "get secrets default/a"));
  EXPECT_TRUE(Can(ada_, "list secrets"));
}

TEST_F(RolesTest, AListOfNamespacesIsOfAllOfThem) {
  EXPECT_FALSE(Can(dev_, "list namespaces vision"));
  EXPECT_FALSE(Can(dev_, "watch namespaces vision"));
  EXPECT_TRUE(Can(dev_, "get namespaces vision"));
  EXPECT_TRUE(Can(auditor_, "list namespaces vision"));
}

TEST_F(RolesTest, ANamespaceMayBeWatchedByItsName) {
  Call call = Asking(guest_, "watch namespaces");
  call.request.query = {{"fieldSelector", "metadata.name=vision"}};
  EXPECT_TRUE(roles_.Allows(call));
  for (const char* selector : {"metadata.name=other", "metadata.name!=vision", "metadata.name=vision,status.phase=x",
                               "metadata.name=", "metadata.name==vision"}) {
    call.request.query = {{"fieldSelector", selector}};
    EXPECT_FALSE(roles_.Allows(call)) << selector;
  }
}

TEST(RolesFile, NamesEveryMistake) {
  EXPECT_EQ(MistakeIn("bindings: []"), "");
  EXPECT_EQ(MistakeIn("[]"), "a map with the field bindings is accepted");
  EXPECT_EQ(MistakeIn("{}"), "bindings: a list is accepted");
  EXPECT_EQ(MistakeIn("bindings: {}"), "bindings: a list is accepted");
  EXPECT_EQ(MistakeIn("{bindings: [1], roles: []}"),
            "roles: unknown field; bindings[0]: a map with role, users, groups and namespaces is accepted");
  EXPECT_EQ(
      MistakeIn("bindings: [{role: owner, user: [a], namespaces: [A, '*']}, {role: 1, users: [1, ''], groups: x}]"),
      "bindings[0].user: unknown field; bindings[0].role: view, edit or admin is accepted; "
      "bindings[0].namespaces: \"*\" stands for all and has to be alone; "
      "bindings[0].namespaces: \"A\" is no name of a namespace; "
      "bindings[0]: users or groups are needed; "
      "bindings[1].role: view, edit or admin is accepted; "
      "bindings[1].namespaces: is missing; names, or \"*\" for all, are accepted; "
      "bindings[1].users: got integer; names are accepted, in quotes where they look like numbers; "
      "bindings[1].users: got string; names are accepted, in quotes where they look like numbers; "
      "bindings[1].groups: a list of at least one name is accepted");
  EXPECT_NE(MistakeIn("bindings: [{role: view, users: [], namespaces: []}]").find("at least one"), std::string::npos);
}

// The API with the roles of kFile; who asks is named by the token.
class RolesApi : public TestApi {
 protected:
  RolesApi() {
    Open({}, {},
         ByRoles(std::make_shared<Current<Roles>>(Read(R"(
bindings:
- {role: view, users: [ada], namespaces: [default]}
)")
                                                      .value())));
  }
};

TEST_F(RolesApi, RefusesInTheWordsOfKubeApiserver) {
  EXPECT_EQ(Get(kActors).status, 200);
  const Answer list = Get("/apis/asya.sh/v1alpha1/namespaces/other/asyncactors");
  EXPECT_EQ(list.text,
            R"({"apiVersion":"v1","code":403,"details":{"group":"asya.sh","kind":"asyncactors"},"kind":"Status",)"
            R"("message":"asyncactors.asya.sh is forbidden: User \"ada\" cannot list resource \"asyncactors\" in API )"
            R"(group \"asya.sh\" in the namespace \"other\"","metadata":{},"reason":"Forbidden","status":"Failure"})");
  EXPECT_EQ(list.status, 403);
  EXPECT_EQ(Send("DELETE", Path("a")).At("/message"),
            "asyncactors.asya.sh \"a\" is forbidden: User \"ada\" cannot delete resource \"asyncactors\" in API group "
            "\"asya.sh\" in the namespace \"default\"");
  EXPECT_EQ(Send("PUT", Path("a") + "/scale", "{}").At("/message"),
            "asyncactors.asya.sh \"a\" is forbidden: User \"ada\" cannot update resource \"asyncactors/scale\" in API "
            "group \"asya.sh\" in the namespace \"default\"");
  EXPECT_EQ(Create(Actor("a")).At("/message"),
            "asyncactors.asya.sh is forbidden: User \"ada\" cannot create resource \"asyncactors\" in API group "
            "\"asya.sh\" in the namespace \"default\"");
  EXPECT_EQ(Get("/api/v1/namespaces").At("/message"),
            "namespaces is forbidden: User \"ada\" cannot list resource \"namespaces\" in API group \"\" at the "
            "cluster scope");
  EXPECT_EQ(Get("/api/v1/namespaces/other").At("/message"),
            "namespaces \"other\" is forbidden: User \"ada\" cannot get resource \"namespaces\" in API group \"\" in "
            "the namespace \"other\"");
  EXPECT_EQ(Get("/api/v1/namespaces/default").status, 200);
  EXPECT_EQ(Get("/apis/asya.sh/v1alpha1/flavors").status, 200);
  EXPECT_EQ(Get(std::string(kActors) + "?watch=true&timeoutSeconds=1").status, 200);
  EXPECT_EQ(Get("/apis/asya.sh/v1alpha1/asyncactors?watch=true").status, 403);
}

TEST_F(RolesApi, ReviewsTellWhatRolesAllow) {
  const Answer rules =
      Send("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", R"({"spec":{"namespace":"default"}})");
  for (const char* rule :
       {R"({"apiGroups":[""],"resourceNames":["default"],"resources":["namespaces"],"verbs":["get","list","watch"]})",
        R"({"apiGroups":["asya.sh"],"resources":["asyncactors"],"verbs":["get","list","watch"]})",
        R"({"apiGroups":["asya.sh"],"resources":["asyncactors/scale"],"verbs":["get"]})",
        R"({"apiGroups":["asya.sh"],"resources":["flavors"],"verbs":["get","list","watch"]})"}) {
    EXPECT_NE(rules.text.find(rule), std::string::npos) << rule << "\n" << rules.text;
  }
  const auto allowed = [this](const std::string& attributes) {
    return Send("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                R"({"spec":{"resourceAttributes":)" + attributes + "}}")
        .At("/status/allowed");
  };
  EXPECT_EQ(allowed(R"({"verb":"list","resource":"asyncactors","group":"asya.sh","namespace":"default"})"), "true");
  EXPECT_EQ(allowed(R"({"verb":"list","resource":"asyncactors","group":"asya.sh"})"), "false");
  EXPECT_EQ(allowed(R"({"verb":"*","resource":"asyncactors","group":"asya.sh","namespace":"default"})"), "false");
  EXPECT_EQ(allowed(R"({"verb":"get","resource":"*","group":"asya.sh","namespace":"default"})"), "true");
  EXPECT_EQ(allowed(R"({"verb":"get","resource":"*","group":"*","namespace":"default","name":"default"})"), "false");
  EXPECT_EQ(allowed(R"({"verb":"*","resource":"*","group":"*"})"), "false");
  EXPECT_EQ(allowed(R"({"verb":"update","resource":"asyncactors","subresource":"scale","group":"asya.sh",)"
                    R"("namespace":"default"})"),
            "false");
}

TEST_F(RolesApi, AnApplyThatWouldCreateTakesTheRightToCreate) {
  const Answer answer = Send("PATCH", Path("new") + "?fieldManager=t", json::Dump(Actor("new")),
                             {{"Content-Type", "application/apply-patch+yaml"}});
  EXPECT_EQ(answer.status, 403) << answer.text;
}

}  // namespace
}  // namespace asya::apiserver
