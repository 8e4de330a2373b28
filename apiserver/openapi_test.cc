// Reads the OpenAPI documents as strictly as the strictest of their clients: what it refuses breaks a whole cluster.
#include <map>
#include <set>

#include "apiserver/openapi_v2.h"
#include "apiserver/test_api.h"

namespace asya::apiserver {
namespace {

constexpr const char* kProtobuf = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";

// The rules of kube-openapi's reader of models: kinds of references, of types and of items.
class StrictReader {
 public:
  explicit StrictReader(const json::Object& definitions) : definitions_(definitions) {}

  void ReadAll() {
    for (const auto& [name, definition] : definitions_) {
      EXPECT_EQ(name.find('/'), std::string::npos) << "kube-openapi refuses the whole document: " << name;
      EXPECT_NE(name.find('.'), std::string::npos) << name;
      Read(definition, name);
    }
  }
  void Read(const json::Value& schema, const std::string& at) {
    if (const auto reference = schema.GetString("$ref")) return ReadReference(schema, *reference, at);
    for (const char* unknown : {"allOf", "anyOf", "oneOf", "not", "nullable"}) {
      EXPECT_EQ(schema.Find(unknown), nullptr) << at << " has " << unknown << ", which v2 does not";
    }
    const std::string type = schema.GetString("type").value_or("");
    static const std::set<std::string> types{"", "array", "boolean", "integer", "number", "object", "string"};
    EXPECT_TRUE(types.contains(type)) << at;
    if (type == "array") {
      ASSERT_NE(schema.Find("items"), nullptr) << at;
      Read(*schema.Find("items"), at + "[]");
      const std::string list = schema.GetString("x-kubernetes-list-type").value_or("");
      EXPECT_FALSE(list.empty() && at.find("meta.v1") == std::string::npos && at.find("List") == std::string::npos)
          << at << " has no x-kubernetes-list-type";
      EXPECT_EQ(list == "map", schema.Find("x-kubernetes-list-map-keys") != nullptr) << at;
    }
    if (const json::Value* properties = schema.Find("properties")) {
      EXPECT_EQ(type, "object") << at;
      for (const auto& [name, property] : properties->AsObject()) Read(property, at + "." + name);
    }
    if (const json::Value* more = schema.Find("additionalProperties")) Read(*more, at + ".*");
  }

 private:
  void ReadReference(const json::Value& schema, const std::string& reference, const std::string& at) {
    constexpr std::string_view kPrefix = "#/definitions/";
    ASSERT_EQ(reference.rfind(kPrefix, 0), 0U) << at << ": " << reference;
    EXPECT_TRUE(definitions_.contains(reference.substr(kPrefix.size()))) << at << ": " << reference;
    EXPECT_EQ(schema.Find("type"), nullptr) << at;
    EXPECT_EQ(schema.Find("properties"), nullptr) << at;
  }

  const json::Object& definitions_;
};

TEST_F(TestApi, OpenApiV2IsReadByTheStrictest) {
  const Answer document = Get("/openapi/v2");
  ASSERT_EQ(document.status, 200);
  EXPECT_EQ(document.At("/swagger"), "2.0");
  const json::Object& definitions = document.body.Find("definitions")->AsObject();
  StrictReader(definitions).ReadAll();
  EXPECT_EQ(document.text.find("#/components/"), std::string::npos);
}

// kubectl validates by it what lies in a List, and refuses what is not among the properties.
TEST_F(TestApi, OpenApiV2NamesNoPropertiesWhereAnyMayCome) {
  const Answer document = Get("/openapi/v2");
  const json::Value* volumes = document.body.FindPath(
      {"definitions", "sh.asya.v1alpha1.AsyncActor", "properties", "spec", "properties", "volumes", "items"});
  ASSERT_NE(volumes, nullptr);
  EXPECT_EQ(volumes->GetBool("x-kubernetes-preserve-unknown-fields"), true);
  EXPECT_EQ(volumes->Find("properties"), nullptr);
}

TEST_F(TestApi, OpenApiV2KnowsEveryKindByGroupVersionAndName) {
  const Answer document = Get("/openapi/v2");
  std::map<std::string, int> kinds;
  for (const auto& [name, definition] : document.body.Find("definitions")->AsObject()) {
    const json::Value* gvks = definition.Find("x-kubernetes-group-version-kind");
    if (gvks == nullptr) continue;
    ASSERT_TRUE(gvks->IsArray()) << name;
    for (const json::Value& gvk : gvks->AsArray()) {
      ++kinds[gvk.GetString("group").value() + "/" + gvk.GetString("version").value() + "/" +
              gvk.GetString("kind").value()];
    }
  }
  for (const char* kind : {"AsyncActor", "Flavor", "Transport", "Flow", "Composition", "Function"}) {
    EXPECT_EQ(kinds[std::string("asya.sh/v1alpha1/") + kind], 1) << kind;
    EXPECT_EQ(kinds[std::string("asya.sh/v1alpha1/") + kind + "List"], 1) << kind;
  }
  EXPECT_EQ(kinds["/v1/Namespace"], 1);
  EXPECT_EQ(kinds["/v1/NamespaceList"], 1);
  EXPECT_EQ(kinds["autoscaling/v1/Scale"], 1);
}

// kube-apiserver keeps only what can be reached from the paths.
TEST_F(TestApi, OpenApiV2HasPathsWithTheParametersThatClientsLookFor) {
  const Answer document = Get("/openapi/v2");
  const std::string base = "/paths/~1apis~1asya.sh~1v1alpha1~1";
  const std::string named = base + "namespaces~1{namespace}~1asyncactors~1{name}";
  EXPECT_EQ(document.At((named + "/patch/x-kubernetes-group-version-kind/kind").c_str()), "AsyncActor");
  const std::string parameters = document.At((named + "/patch/parameters").c_str());
  for (const char* name : {"\"dryRun\"", "\"fieldValidation\"", "\"fieldManager\"", "\"force\"", "\"body\""}) {
    EXPECT_NE(parameters.find(name), std::string::npos) << name;
  }
  EXPECT_EQ(document.At((named + "/get/responses/200/schema/$ref").c_str()),
            "#/definitions/sh.asya.v1alpha1.AsyncActor");
  EXPECT_EQ(document.At((named + "~1scale/get/responses/200/schema/$ref").c_str()),
            "#/definitions/io.k8s.api.autoscaling.v1.Scale");
  EXPECT_EQ(document.At((base + "asyncactors/get/x-kubernetes-action").c_str()), "list") << "of all namespaces";
  EXPECT_EQ(document.At((base + "compositions~1{name}/get/x-kubernetes-action").c_str()), "get");
  for (const auto& [path, item] : document.body.Find("paths")->AsObject()) {
    for (const auto& [method, operation] : item.AsObject()) {
      if (method == "parameters") continue;
      EXPECT_NE(operation.GetString("operationId"), std::nullopt) << path;
      EXPECT_NE(operation.FindPath({"responses", "200", "description"}), nullptr) << path;
    }
  }
}

TEST_F(TestApi, OperationIdsAreUnique) {
  const Answer document = Get("/openapi/v2");
  std::set<std::string> seen;
  for (const auto& [path, item] : document.body.Find("paths")->AsObject()) {
    for (const auto& [method, operation] : item.AsObject()) {
      if (method == "parameters") continue;
      EXPECT_TRUE(seen.insert(operation.GetString("operationId").value()).second) << path;
    }
  }
}

// Fields of one protobuf message, by number; none where the bytes are no message.
std::vector<std::pair<std::uint64_t, std::string>> Fields(std::string_view bytes) {
  std::vector<std::pair<std::uint64_t, std::string>> fields;
  const auto varint = [&bytes] {
    std::uint64_t value = 0;
    for (unsigned shift = 0; !bytes.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes[0]);
      bytes.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 127U) << shift;
      if (byte < 128) break;
    }
    return value;
  };
  while (!bytes.empty()) {
    const std::uint64_t tag = varint();
    const std::uint64_t size = (tag & 7U) == 2 ? varint() : (tag & 7U) == 1 ? 8 : 0;
    if ((tag & 7U) == 0) varint();
    if (size > bytes.size()) return {};
    fields.emplace_back(tag >> 3U, bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  return fields;
}

std::string FieldText(std::string_view bytes, std::uint64_t number) {
  for (const auto& [field, text] : Fields(bytes)) {
    if (field == number) return text;
  }
  return {};
}

// kubectl_test.py has a real client read the same bytes.
TEST_F(TestApi, OpenApiV2ComesAsProtobufForClientsThatReadNothingElse) {
  const Answer json = Get("/openapi/v2");
  const Answer protobuf = Get("/openapi/v2", {{"Accept", std::string(kProtobuf) + ",application/json"}});
  ASSERT_EQ(protobuf.status, 200);
  EXPECT_EQ(protobuf.headers.Get("Content-Type"), "application/com.github.proto-openapi.spec.v2.v1.0+protobuf")
      << "without the @, which Go's media types do not take";
  EXPECT_EQ(FieldText(protobuf.text, 1), "2.0");
  std::set<std::string> names;
  for (const auto& [field, bytes] : Fields(FieldText(protobuf.text, 9))) names.insert(FieldText(bytes, 1));
  const json::Object& definitions = json.body.Find("definitions")->AsObject();
  EXPECT_EQ(names.size(), definitions.size());
  for (const auto& [name, definition] : definitions) EXPECT_TRUE(names.contains(name)) << name;
  EXPECT_EQ(Fields(FieldText(protobuf.text, 8)).size(), json.body.Find("paths")->AsObject().size());
  const std::string tag = protobuf.headers.Get("ETag").value();
  EXPECT_NE(tag, json.headers.Get("ETag").value());
  EXPECT_EQ(Get("/openapi/v2", {{"Accept", kProtobuf}, {"If-None-Match", tag}}).status, 304);
  EXPECT_EQ(Get("/openapi/v2", {{"Accept", "text/html"}}).status, 406);
  EXPECT_EQ(Send("POST", "/openapi/v2").status, 405);
}

TEST(EncodeSwagger, WritesNumbersAndNestedMessages) {
  const json::Value swagger = json::Parse(R"({"swagger":"2.0","info":{"title":"t","version":"v"},"paths":{},
        "definitions":{"a.B":{"type":"object","properties":{"n":{"type":"integer","minimum":1,"maxItems":300}},
        "x-y":[{"k":"v"}]}}})")
                                  .value();
  const std::string definition = FieldText(FieldText(FieldText(EncodeSwagger(swagger), 9), 1), 2);
  EXPECT_EQ(FieldText(FieldText(definition, 22), 1), "object");
  const std::string extension = FieldText(definition, 31);
  EXPECT_EQ(FieldText(extension, 1), "x-y");
  EXPECT_EQ(FieldText(FieldText(extension, 2), 2), R"([{"k":"v"}])");
  const std::string number = FieldText(FieldText(FieldText(definition, 25), 1), 2);
  EXPECT_EQ(FieldText(number, 9), std::string("\0\0\0\0\0\0\xF0\x3F", 8)) << "1.0";
  EXPECT_NE(number.find("\x70\xAC\x02"), std::string::npos) << "field 14 is 300";
}

TEST_F(TestApi, OpenApiV3IsCachedByItsHashOnly) {
  const std::string url = Get("/openapi/v3").At("/paths/apis~1asya.sh~1v1alpha1/serverRelativeURL");
  const Answer document = Get(url);
  EXPECT_NE(document.headers.Get("Cache-Control").value().find("immutable"), std::string::npos);
  const std::string plain = url.substr(0, url.find('?'));
  EXPECT_EQ(Get(plain).headers.Get("Cache-Control").value().find("immutable"), std::string::npos);
  const Answer stale = Get(plain + "?hash=OLD");
  EXPECT_EQ(stale.status, 301);
  EXPECT_EQ(stale.headers.Get("Location"), url);
  EXPECT_EQ(Get(url, {{"If-None-Match", document.headers.Get("ETag").value()}}).status, 304);
}

}  // namespace
}  // namespace asya::apiserver
