#include "apiserver/test_api.h"

namespace asya::apiserver {
namespace {

constexpr const char* kAggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

TEST_F(TestApi, LegacyDiscoveryListsEveryKind) {
  EXPECT_EQ(Get("/api").At("/versions"), R"(["v1"])");
  EXPECT_EQ(Get("/apis").At("/groups/0/preferredVersion/groupVersion"), "asya.sh/v1alpha1");
  EXPECT_EQ(Get("/apis/asya.sh").At("/kind"), "APIGroup");
  const Answer list = Get("/apis/asya.sh/v1alpha1");
  EXPECT_EQ(list.At("/kind"), "APIResourceList");
  for (const char* name : {"\"asyncactors\"", "\"asyncactors/scale\"", "\"asyncactors/status\"", "\"flavors\"",
                           "\"transports\"", "\"flows\"", "\"compositions\"", "\"functions\"", "\"asya\""}) {
    EXPECT_NE(list.text.find(name), std::string::npos) << name;
  }
  EXPECT_NE(Get("/api/v1").text.find("\"namespaces\""), std::string::npos);
}

TEST_F(TestApi, AggregatedDiscoveryKeepsItsContentTypeAndTag) {
  for (const char* path : {"/api", "/apis"}) {
    const Answer answer = Get(path, {{"Accept", std::string(kAggregated) + ",application/json"}});
    EXPECT_EQ(answer.At("/kind"), "APIGroupDiscoveryList") << path;
    EXPECT_EQ(answer.headers.Get("Content-Type"), kAggregated);
    EXPECT_EQ(answer.headers.Get("Vary"), "Accept");
    EXPECT_NE(answer.At("/items/0/versions/0/resources/0/responseKind/kind"), "(absent)");
    const std::string tag = answer.headers.Get("ETag").value();
    EXPECT_EQ(Get(path, {{"Accept", kAggregated}, {"If-None-Match", tag}}).status, 304);
  }
  EXPECT_EQ(Get("/apis", {{"Accept", "text/html"}}).status, 406);
}

TEST_F(TestApi, OpenApiIndexLeadsToADocumentThatKubectlTrusts) {
  const Answer index = Get("/openapi/v3");
  const std::string url = index.At("/paths/apis~1asya.sh~1v1alpha1/serverRelativeURL");
  const Answer document = Get(url);
  ASSERT_EQ(document.status, 200);
  EXPECT_NE(document.headers.Get("Cache-Control").value_or("").find("immutable"), std::string::npos);
  const std::string patch = "/paths/~1apis~1asya.sh~1v1alpha1~1namespaces~1{namespace}~1asyncactors~1{name}/patch";
  EXPECT_EQ(document.At((patch + "/x-kubernetes-group-version-kind/kind").c_str()), "AsyncActor");
  const std::string parameters = document.At((patch + "/parameters").c_str());
  EXPECT_NE(parameters.find("\"fieldValidation\""), std::string::npos);
  EXPECT_NE(parameters.find("\"dryRun\""), std::string::npos);
  EXPECT_NE(document.At("/components/schemas/sh.asya.v1alpha1.AsyncActor/properties/spec/properties/handler"),
            "(absent)");
  EXPECT_EQ(Get("/openapi/v3/apis/asya.sh/v1alpha1?hash=OLD").status, 301);
  EXPECT_EQ(Get("/openapi/v3/apis/none/v1").status, 404);
}

// A reference that leads nowhere makes clients refuse the whole document.
TEST_F(TestApi, EveryOpenApiReferenceResolves) {
  for (const char* path : {"/openapi/v3/apis/asya.sh/v1alpha1", "/openapi/v3/api/v1"}) {
    const Answer document = Get(path);
    const std::string marker = "\"$ref\":\"#";
    std::size_t count = 0;
    for (std::size_t at = document.text.find(marker); at != std::string::npos;
         at = document.text.find(marker, at + 1)) {
      const std::size_t begin = at + marker.size();
      const std::string pointer = document.text.substr(begin, document.text.find('"', begin) - begin);
      EXPECT_NE(document.At(pointer.c_str()), "(absent)") << pointer;
      ++count;
    }
    EXPECT_GT(count, 5U) << path;
  }
}

TEST_F(TestApi, VersionHasNumbers) {
  EXPECT_EQ(Get("/version").At("/major"), "1");
  EXPECT_EQ(Get("/version/").At("/major"), "1");
  EXPECT_EQ(Get("/apis/").At("/kind"), "APIGroupList");
  EXPECT_GT(std::stoi(Get("/version").At("/minor")), 20);
}

}  // namespace
}  // namespace asya::apiserver
