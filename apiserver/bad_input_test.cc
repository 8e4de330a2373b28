// Input that no well-meaning client sends: each gets its Status, and the server goes on.
#include "apiserver/test_api.h"
#include "apiserver/write.h"

namespace asya::apiserver {
namespace {

std::string Nested(int depth) {
  return std::string(static_cast<std::size_t>(depth), '[') + std::string(static_cast<std::size_t>(depth), ']');
}

// The manifest of an actor with this text as its member `env` of the spec.
std::string WithMember(const std::string& text) {
  return R"({"apiVersion":"asya.sh/v1alpha1","kind":"AsyncActor","metadata":{"name":"a"},)"
         R"("spec":{"image":"i:1","handler":"m.f","affinity":{"x":)" +
         text + "}}}";
}

TEST_F(TestApi, BodiesThatAreNoJsonAreBadRequests) {
  for (const std::string& body :
       {std::string(), std::string("null"), std::string("{\"a\":"), std::string("\xEF\xBB\xBF{}"),
        WithMember(Nested(200)), WithMember("\"\xC3\x28\""), WithMember("\"\\ud800\""), WithMember("1e999"),
        WithMember("01"), WithMember("1") + "{}", std::string("\0\0\0", 3)}) {
    const Answer answer = Send("POST", kActors, body);
    EXPECT_EQ(answer.status, 400) << body.substr(0, 80) << answer.text;
    EXPECT_EQ(answer.At("/kind"), "Status");
    EXPECT_EQ(answer.At("/reason"), "BadRequest");
  }
  EXPECT_EQ(Send("POST", kActors, WithMember(Nested(60))).status, 201) << "this deep is fine";
  const std::string deep = R"({"spec":{"affinity":)" + Nested(200) + "}}";
  EXPECT_EQ(Merge(Path("a"), deep).status, 400);
  EXPECT_EQ(Send("DELETE", Path("a"), Nested(200)).status, 400);
}

// A patch that nests what is there already would be stored, and stop whoever reads it.
TEST_F(TestApi, APatchMakesNothingDeeperThanABodyMayBe) {
  ASSERT_EQ(Send("POST", kActors, WithMember("{}")).status, 201);
  std::string nested = "1";
  std::string path;
  for (int i = 0; i < 80; ++i) {
    nested = R"({"a":)" + nested + "}";
    path += "/a";
  }
  const std::string first = R"({"op":"add","path":"/spec/affinity/x/a","value":)" + nested + "}";
  const std::string second = R"({"op":"add","path":"/spec/affinity/x)" + path + R"(/a","value":)" + nested + "}";
  const Answer refused = JsonPatch(Path("a"), "[" + first + "," + second + "]");
  EXPECT_EQ(refused.status, 422) << refused.text.substr(0, 300);
  EXPECT_NE(refused.text.find("nested deeper than 100 levels"), std::string::npos) << refused.text.substr(0, 300);
  EXPECT_EQ(JsonPatch(Path("a"), "[" + first + "]").status, 200);
  EXPECT_EQ(Get(kActors, {{"Accept", "application/json;as=Table;v=v1;g=meta.k8s.io"}}).status, 200);
  EXPECT_EQ(Send("DELETE", Path("a"), "").status, 200);
}

// Of a version with other bounds.
TEST_F(TestApi, AnObjectDeeperThanABodyMayBeIsReadAndDeleted) {
  ASSERT_EQ(Create(Actor("a")).status, 201);
  ports::Record record = store_.Get({"asyncactors", "default", "a"}).value();
  std::string text = *record.json;
  text.insert(text.find(R"("spec":{)") + 8, R"("affinity":)" + Nested(200) + ",");
  record.json = std::make_shared<const std::string>(text);
  ASSERT_TRUE(store_.Update(record, {}, {"old", "", "update", true}).ok());
  EXPECT_EQ(Get(kActors, {{"Accept", "application/json;as=Table;v=v1;g=meta.k8s.io"}}).status, 200);
  EXPECT_EQ(Get(Path("a") + "/history").status, 200);
  EXPECT_EQ(Send("DELETE", Path("a"), "").status, 200);
}

TEST_F(TestApi, ValuesThatFitNoTypeAreInvalid) {
  const auto spec = [this](const std::string& text) { return Create(Actor("a", text)); };
  for (const char* text :
       {R"({"image":"i","handler":"m.f","concurrency":1.5})", R"({"image":"i","handler":"m.f","concurrency":-1})",
        R"({"image":"i","handler":"m.f","concurrency":9223372036854775807})", R"({"image":"i","handler":{}})",
        R"({"image":[],"handler":"m.f"})", R"({"image":"i","handler":"m.f","env":{}})"}) {
    const Answer answer = spec(text);
    EXPECT_EQ(answer.status, 422) << text << answer.text;
    EXPECT_EQ(answer.At("/reason"), "Invalid");
  }
  EXPECT_EQ(Send("POST", kActors,
                 R"({"apiVersion":"asya.sh/v1alpha1","kind":"AsyncActor","metadata":{"name":7},)"
                 R"("spec":{"image":"i","handler":"m.f"}})")
                .status,
            422);
}

TEST_F(TestApi, NamespacesOfWrongTypesAreInvalid) {
  const auto create = [this](const std::string& members) {
    return Send("POST", "/api/v1/namespaces", R"({"apiVersion":"v1","kind":"Namespace",)" + members + "}");
  };
  for (const char* members :
       {R"("metadata":{"name":"team","labels":["a"]})", R"("metadata":{"name":"team","labels":"a"})",
        R"("metadata":{"name":"team"},"spec":"x")", R"("metadata":{"name":"team"},"spec":["x"])"}) {
    const Answer answer = create(members);
    EXPECT_EQ(answer.status, 422) << members << answer.text;
    EXPECT_EQ(answer.At("/reason"), "Invalid");
  }
  const Answer made = create(R"("metadata":{"name":"team","labels":null},"spec":null,"status":"x")");
  EXPECT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.At("/metadata/labels/kubernetes.io~1metadata.name"), "team");
  EXPECT_EQ(made.At("/spec/finalizers"), R"(["kubernetes"])");
  EXPECT_EQ(made.At("/status"), R"({"phase":"Active"})") << "that is the server's";
}

constexpr const char* kNamespace = R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":"a"}})";
constexpr const char* kSecret =
    R"({"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"},"type":"helm.sh/release.v1"})";
constexpr const char* kScale =
    R"({"apiVersion":"autoscaling/v1","kind":"Scale","metadata":{"name":"a"},"spec":{"replicas":1}})";
constexpr const char* kReview =
    R"({"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectAccessReview","metadata":{},)"
    R"("spec":{"nonResourceAttributes":{"path":"/","verb":"get"}}})";

TEST_F(TestApi, AMemberOfAnyTypeIsAnswered) {
  const std::string actor = json::Dump(Actor("a"));
  const std::vector<std::pair<std::string, std::string>> places{
      {"/api/v1/namespaces", kNamespace},
      {"/api/v1/namespaces/default/secrets", kSecret},
      {kActors, actor},
      {"/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", kReview}};
  const std::vector<std::pair<std::string, std::string>> parts{{"/api/v1/namespaces/a", kNamespace},
                                                               {"/api/v1/namespaces/default/secrets/a", kSecret},
                                                               {Path("a"), actor},
                                                               {Path("a") + "/status", actor},
                                                               {Path("a") + "/scale", kScale}};
  for (const auto& [path, text] : places) EXPECT_EQ(Send("POST", path, text).status, 201) << path;
  for (const char* member : {"metadata", "spec", "status", "data", "stringData", "kind", "metadata/labels",
                             "metadata/annotations", "metadata/finalizers", "metadata/ownerReferences",
                             "metadata/managedFields", "metadata/name", "metadata/uid", "metadata/generateName"}) {
    for (const char* value : {R"("x")", R"(["a"])", "7", "true", "null", "{}", R"([{"a":1}])", R"({"a":[1]})"}) {
      const std::string operation = R"([{"op":"add","path":"/)" + std::string(member) + R"(","value":)" + value + "}]";
      const auto with_it = [&](const std::string& text) {
        const auto patch = json::ParseJsonPatch(json::Parse(operation).value()).value();
        return json::Dump(json::ApplyJsonPatch(json::Parse(text).value(), patch, 100).value());
      };
      for (const auto& [path, text] : places) {
        EXPECT_NE(Send("POST", path + "?dryRun=All", with_it(text)).status, 500) << path << member << value;
      }
      for (const auto& [path, text] : parts) {
        const std::string whole = with_it(text);
        EXPECT_NE(Send("PUT", path + "?dryRun=All", whole).status, 500) << path << member << value;
        EXPECT_NE(Merge(path + "?dryRun=All", whole).status, 500) << path << member << value;
        EXPECT_NE(JsonPatch(path + "?dryRun=All", operation).status, 500) << path << member << value;
        EXPECT_NE(Send("PATCH", path + "?dryRun=All&fieldManager=me", whole,
                       {{"Content-Type", "application/apply-patch+yaml"}})
                      .status,
                  500)
            << path << member << value;
      }
    }
  }
}

// Nothing here should throw; what does all the same costs its own request.
TEST_F(TestApi, WhatIsThrownIsAnInternalError) {
  Open({}, {[](AdmissionRequest& /*request*/) -> Outcome<Done> { throw std::runtime_error("it broke"); }});
  const Answer answer = Create(Actor("a"));
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.At("/kind"), "Status");
  EXPECT_EQ(answer.At("/reason"), "InternalError");
  EXPECT_EQ(Get(kActors).status, 200);
}

TEST_F(TestApi, ContentTypesThatAreNotServedAreTold) {
  Create(Actor("a"));
  for (const char* method : {"POST", "PUT"}) {
    const std::string path = method == std::string("POST") ? std::string(kActors) : Path("a");
    for (const char* type :
         {"text/plain", "application/xml", "application/vnd.kubernetes.protobuf", "x", "application"}) {
      const Answer answer = Send(method, path, json::Dump(Actor("b")), {{"Content-Type", type}});
      EXPECT_EQ(answer.status, 415) << method << type;
      EXPECT_EQ(answer.At("/reason"), "UnsupportedMediaType");
    }
  }
  EXPECT_EQ(Send("PATCH", Path("a"), "{}", {{"Content-Type", "application/json"}}).status, 415);
  EXPECT_EQ(Send("PATCH", Path("a"), "{}", {{"Content-Type", "application/merge-patch+json; charset=utf-8"}}).status,
            200);
  for (const char* accept :
       {"text/html", "application/xml", "application/json;as=Table;v=v9;g=meta.k8s.io", ",", ";;=,"}) {
    const Answer answer = Get(Path("a"), {{"Accept", accept}});
    EXPECT_EQ(answer.status, 406) << accept;
    EXPECT_EQ(answer.At("/reason"), "NotAcceptable");
  }
}

TEST_F(TestApi, PatchesAreBounded) {
  Create(Actor("a"));
  const auto operations = [](int count) {
    std::string patch = "[";
    for (int i = 0; i < count; ++i) {
      patch += (i == 0 ? "" : ",") + std::string(R"({"op":"test","path":"/metadata/name","value":"a"})");
    }
    return patch + "]";
  };
  EXPECT_EQ(JsonPatch(Path("a"), operations(10'000)).status, 200);
  const Answer more = JsonPatch(Path("a"), operations(10'001));
  EXPECT_EQ(more.status, 413);
  EXPECT_EQ(more.At("/reason"), "RequestEntityTooLarge");
  // Each copy doubles the object.
  std::string doubling =
      R"([{"op":"add","path":"/metadata/annotations","value":{"k":")" + std::string(1000, 'x') + "\"}}";
  for (int i = 0; i < 40; ++i) {
    doubling +=
        R"(,{"op":"copy","from":"/metadata/annotations","path":"/metadata/annotations/c)" + std::to_string(i) + "\"}";
  }
  EXPECT_EQ(JsonPatch(Path("a"), doubling + "]").status, 413);
  EXPECT_EQ(Get(Path("a")).status, 200);
}

// Each of these patches is small enough for a body; what they make of the object together is not.
TEST_F(TestApi, AStoredObjectIsBounded) {
  const auto add = [this](const std::string& value, const std::string& query = "") {
    return JsonPatch(Path("a") + query, R"([{"op":"add","path":"/spec/env/-","value":{"name":"E)" +
                                            std::to_string(value.size()) + R"(","value":")" + value + "\"}}]");
  };
  ASSERT_EQ(Create(Actor("a", R"({"image":"i:1","handler":"m.f","env":[]})")).status, 201);
  EXPECT_EQ(add(std::string(1'500'000, 'x')).status, 200);
  EXPECT_EQ(add(std::string(1'500'001, 'x')).status, 200);
  for (const char* query : {"?dryRun=All", ""}) {
    const Answer refused = add(std::string(200'000, 'x'), query);
    EXPECT_EQ(refused.status, 413) << query;
    EXPECT_EQ(refused.At("/reason"), "RequestEntityTooLarge");
  }
  // With what the server adds to it.
  const std::string rest(kStoredBytesMax - json::Dump(Actor("b")).size() - 100, 'x');
  const json::Value actor =
      Actor("b", R"({"image":"i:1","handler":"m.f","env":[{"name":"E","value":")" + rest + "\"}]}");
  EXPECT_EQ(Create(actor).status, 413);
  EXPECT_EQ(Create(actor, "?dryRun=All").status, 413);
}

// Of a version without the bound.
TEST_F(TestApi, AnObjectThatIsTooLargeCanShrinkAndGo) {
  json::Value actor = Actor("a");
  actor["metadata"]["finalizers"] = json::Array{"asya.sh/drain", "asya.sh/other"};
  ASSERT_EQ(Create(actor).status, 201);
  ports::Record record = store_.Get({"asyncactors", "default", "a"}).value();
  json::Value large = json::Parse(*record.json).value();
  large["spec"]["env"] = json::Array{};
  for (const char* name : {"A", "B"}) {
    large["spec"]["env"].AsArray().push_back(
        json::Object{{"name", name}, {"value", std::string(kStoredBytesMax, 'x')}});
  }
  record.json = std::make_shared<const std::string>(json::Dump(large));
  ASSERT_TRUE(store_.Update(record, {}, {"old", "", "update", true}).ok());
  EXPECT_EQ(Merge(Path("a"), R"({"metadata":{"labels":{"a":"b"}}})").status, 413);
  EXPECT_EQ(JsonPatch(Path("a"), R"([{"op":"remove","path":"/spec/env/1"}])").status, 200) << "too large yet";
  EXPECT_EQ(Send("DELETE", Path("a")).At("/kind"), "AsyncActor");
  EXPECT_EQ(Merge(Path("a"), R"({"metadata":{"finalizers":["asya.sh/other"]}})").status, 200);
  EXPECT_EQ(Merge(Path("a"), R"({"metadata":{"finalizers":null}})").status, 200);
  EXPECT_EQ(Get(Path("a")).status, 404);
}

TEST_F(TestApi, SelectorsAreBounded) {
  std::string labels = "a0";
  for (int i = 1; i < 1500; ++i) labels += ",a" + std::to_string(i);
  EXPECT_EQ(Get(std::string(kActors) + "?labelSelector=" + labels).status, 400);
  for (const char* query :
       {"labelSelector=a%3D%00", "labelSelector=%ff", "fieldSelector=%3D", "fieldSelector=metadata.name", "limit=-1",
        "limit=x", "limit=99999999999999999999", "timeoutSeconds=x", "continue=%ff", "resourceVersion=-1",
        "resourceVersion=1.5", "resourceVersion=99999999999999999999"}) {
    const Answer answer = Get(std::string(kActors) + "?" + query);
    EXPECT_EQ(answer.status, 400) << query << answer.text;
  }
}

TEST_F(TestApi, NamesThatCannotBeThereAreNotFoundOrInvalid) {
  for (const char* name : {"a%2Fb", "A", "a%20b", "%F0%9F%90%99"}) {
    EXPECT_EQ(Get(Path(name)).status, 404) << name;
  }
  for (const char* name : {"..", ".", "a/b", "A", "a b", "", "-a", "a%"}) {
    const Answer answer = Create(Actor(name));
    EXPECT_EQ(answer.status, 422) << name << answer.text;
  }
  EXPECT_EQ(Create(Actor(std::string(254, 'a'))).status, 422);
}

// It would be stored, and stop whoever reads the object again.
TEST_F(TestApi, WhatIsNoTextNeverComesIntoAnObject) {
  const Answer made = Send("POST", kActors, json::Dump(Actor("a")), {{"User-Agent", "tool\xff/1"}});
  EXPECT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.At("/metadata/managedFields/0/manager"), "tool?");
  EXPECT_EQ(Merge(Path("a"), R"({"metadata":{"labels":{"a":"b"}}})").status, 200);
  EXPECT_EQ(Get(Path("a") + "/history").text.find('\xff'), std::string::npos);
  for (const char* query : {"?fieldManager=%FF", "?dryRun=%C3", "?%80=x", "?fieldManager=a%00b"}) {
    EXPECT_EQ(Create(Actor("b"), query).status, 400) << query;
  }
  for (const char* query : {"?fieldSelector=metadata.name%3D%FF", "?labelSelector=%ED%A0%80", "?continue=%FF",
                            "?watch=true&fieldSelector=metadata.name%3D%00"}) {
    EXPECT_EQ(Get(std::string(kActors) + query).status, 400) << query;
  }
  for (const char* path : {"/%FF", "/a%C3", "/a%00b"}) {
    EXPECT_EQ(Get(std::string(kActors) + path).status, 404) << path;
    EXPECT_EQ(Send("DELETE", std::string(kActors) + path).status, 404) << path;
  }
}

TEST_F(TestApi, AUserAgentIsCutBetweenCharacters) {
  const std::string agent = std::string(127, 'a') + "\u00e9/1";
  ASSERT_EQ(Send("POST", kActors, json::Dump(Actor("a")), {{"User-Agent", agent}}).status, 201);
  const auto table = Get(std::string(kActors) + "/a", {{"Accept", "application/json;as=Table;v=v1;g=meta.k8s.io"}});
  EXPECT_EQ(table.status, 200);
  EXPECT_EQ(Send("DELETE", std::string(kActors) + "/a").status, 200);
}

TEST_F(TestApi, AUserWhoseNameIsNoTextIsNobody) {
  Open({}, {}, {}, {}, [](const http::Request&) { return Identity(User{"ada\xff", {}}); });
  EXPECT_EQ(Create(Actor("a")).status, 401);
  Open({}, {}, {}, {}, [](const http::Request&) { return Identity(User{"ada", {"system:masters"}}); });
  EXPECT_EQ(Send("GET", kActors, "", {{"Impersonate-User", "\xff"}}).status, 401);
  EXPECT_EQ(Send("GET", kActors, "", {{"Impersonate-User", "eve"}}).status, 200);
}

// As many bytes as the limit of an annotation's total allow, and one more.
TEST_F(TestApi, AnnotationsAreBounded) {
  json::Value actor = Actor("a");
  actor["metadata"]["annotations"]["k"] = std::string((256U << 10U) - 1, 'x');
  EXPECT_EQ(Create(actor).status, 201);
  actor["metadata"]["name"] = "b";
  actor["metadata"]["annotations"]["k"] = std::string(256U << 10U, 'x');
  EXPECT_EQ(Create(actor).status, 422);
}

TEST_F(TestApi, OptionsThatAreUnknownAreRefused) {
  EXPECT_EQ(Create(Actor("a"), "?fieldManager=" + std::string(129, 'm')).status, 422);
  EXPECT_EQ(Create(Actor("a"), "?fieldManager=%07").status, 422);
  EXPECT_EQ(Create(Actor("a"), "?fieldValidation=strict").status, 422);
  EXPECT_EQ(Create(Actor("a"), "?dryRun=all").status, 422);
  EXPECT_EQ(Get(std::string(kActors) + "?resourceVersion=1&resourceVersionMatch=Almost").status, 422);
  EXPECT_EQ(
      Get(kActors + std::string("?includeObject=All"), {{"Accept", "application/json;as=Table;v=v1;g=meta.k8s.io"}})
          .status,
      400);
  EXPECT_EQ(Get(kActors).At("/items"), "[]");
}

}  // namespace
}  // namespace asya::apiserver
