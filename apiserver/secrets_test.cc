#include "apiserver/secrets.h"

#include <gtest/gtest.h>

#include "apiserver/test_api.h"
#include "core/base/base64.h"

namespace asya::apiserver {
namespace {

constexpr const char* kSecrets = "/api/v1/namespaces/default/secrets";
constexpr const char* kOne = "/api/v1/namespaces/default/secrets/sh.helm.release.v1.one.v1";

std::string Release(const std::string& more = R"("data":{"release":"aGVsbG8="})",
                    const std::string& type = kReleaseType) {
  return R"({"apiVersion":"v1","kind":"Secret","metadata":{"name":"sh.helm.release.v1.one.v1",)"
         R"("labels":{"name":"one","owner":"helm"}},"type":")" +
         type + "\"" + (more.empty() ? "" : "," + more) + "}";
}

TEST_F(TestApi, ASecretOfHelmIsKeptAsAnyObject) {
  const Answer made = Send("POST", kSecrets, Release());
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.At("/data/release"), "aGVsbG8=");
  EXPECT_EQ(made.At("/metadata/generation"), "(absent)");
  EXPECT_EQ(Get(std::string(kSecrets) + "?labelSelector=owner%3Dhelm").At("/items/0/type"), kReleaseType);
  EXPECT_EQ(Get(std::string(kSecrets) + "?labelSelector=owner%3Dother").At("/items"), "[]");
  const Answer merged = Merge(kOne, R"({"metadata":{"labels":{"status":"deployed"}}})");
  EXPECT_EQ(merged.At("/metadata/labels/status"), "deployed");
  const Answer row = Get(kOne, {{"Accept", "application/json;as=Table;v=v1;g=meta.k8s.io"}});
  EXPECT_EQ(row.At("/rows/0/cells/1"), kReleaseType);
  EXPECT_EQ(Send("DELETE", kOne).At("/status"), "Success");
  EXPECT_EQ(Get(kOne).status, 404);
}

TEST_F(TestApi, NoWriteOfASecretIsKeptInTheHistory) {
  ASSERT_EQ(Send("POST", kSecrets, Release()).status, 201);
  ASSERT_EQ(Merge(kOne, R"({"data":{"release":"Zm9v"}})").status, 200);
  ASSERT_EQ(Send("DELETE", kOne).status, 200);
  ports::HistoryQuery query;
  query.key = {"secrets", "default", "sh.helm.release.v1.one.v1"};
  query.limit = 10;
  EXPECT_TRUE(store_.History(query)->empty());
}

TEST_F(TestApi, OtherTypesOfSecretsAreRefused) {
  const Answer opaque = Send("POST", kSecrets, Release("", "Opaque"));
  EXPECT_EQ(opaque.status, 422);
  EXPECT_EQ(opaque.At("/details/causes/0/field"), "type");
  EXPECT_EQ(opaque.At("/details/causes/0/reason"), "FieldValueNotSupported");
  ASSERT_EQ(Send("POST", kSecrets, Release()).status, 201);
  EXPECT_EQ(Merge(kOne, R"({"type":"Opaque"})").status, 422);
  EXPECT_EQ(Merge(kOne, R"({"type":null})").status, 422);
}

TEST_F(TestApi, ASecretIsBoundedAndItsDataIsBase64) {
  const std::string whole = EncodeBase64(std::string(kSecretBytesMax, 'x'));
  EXPECT_EQ(Send("POST", kSecrets, Release(R"("data":{"release":")" + whole + "\"}")).status, 201);
  const std::string more = EncodeBase64(std::string(kSecretBytesMax + 1, 'x'));
  const Answer large = Send("PUT", kOne, Release(R"("data":{"release":")" + more + "\"}"));
  EXPECT_EQ(large.status, 422);
  EXPECT_EQ(large.At("/details/causes/0/message"), "Too long: may not be more than 1048576 bytes");
  const Answer wrong = Send("PUT", kOne, Release(R"("data":{"a b":"aGVsbG8=","c":"hunter2!"})"));
  EXPECT_EQ(wrong.status, 422);
  EXPECT_EQ(wrong.At("/details/causes/0/field"), "data[a b]");
  EXPECT_EQ(wrong.At("/details/causes/1/field"), "data[c]");
  EXPECT_EQ(wrong.text.find("hunter2"), std::string::npos) << wrong.text;
  const Answer number = Send("PUT", kOne, Release(R"("data":{"c":12345})"));
  EXPECT_EQ(number.status, 422);
  EXPECT_EQ(number.text.find("12345"), std::string::npos) << number.text;
}

TEST_F(TestApi, StringDataBecomesData) {
  const Answer made = Send("POST", kSecrets, Release(R"("data":{"a":"Zm9v","b":"Zm9v"},"stringData":{"b":"bar"})"));
  EXPECT_EQ(made.At("/data"), R"({"a":"Zm9v","b":"YmFy"})") << made.text;
  EXPECT_EQ(made.At("/stringData"), "(absent)");
  EXPECT_EQ(Merge(kOne, R"({"stringData":{"c":"x"}})").At("/data/c"), "eA==");
  EXPECT_EQ(Merge(kOne, R"({"stringData":{"c":1}})").status, 422);
  EXPECT_EQ(Merge(kOne, R"({"stringData":[]})").status, 422);
}

TEST_F(TestApi, AnImmutableSecretStaysAsItIs) {
  ASSERT_EQ(Send("POST", kSecrets, Release(R"("data":{"a":"Zm9v"},"immutable":true)")).status, 201);
  EXPECT_EQ(Merge(kOne, R"({"data":{"a":"YmFy"}})").status, 422);
  EXPECT_EQ(Merge(kOne, R"({"immutable":false})").status, 422);
  EXPECT_EQ(Merge(kOne, R"({"metadata":{"labels":{"a":"b"}}})").status, 200);
}

TEST_F(TestApi, AnUpdateWithoutARevisionReplacesASecret) {
  ASSERT_EQ(Send("POST", kSecrets, Release()).status, 201);
  const Answer replaced = Send("PUT", kOne, Release(R"("data":{"release":"Zm9v"})"));
  EXPECT_EQ(replaced.status, 200) << replaced.text;
  EXPECT_EQ(replaced.At("/data/release"), "Zm9v");
}

TEST_F(TestApi, SecretsGoWithTheirNamespace) {
  ASSERT_EQ(
      Send("POST", "/api/v1/namespaces", R"({"apiVersion":"v1","kind":"Namespace","metadata":{"name":"team"}})").status,
      201);
  ASSERT_EQ(Send("POST", "/api/v1/namespaces/team/secrets", Release()).status, 201);
  EXPECT_EQ(Send("DELETE", "/api/v1/namespaces/team").status, 200);
  EXPECT_EQ(Get("/api/v1/secrets").At("/items"), "[]");
  EXPECT_EQ(Get("/api/v1/namespaces/team").status, 404);
}

TEST_F(TestApi, AServerThatCannotSealThemKeepsNone) {
  Open({}, {RefuseSecrets("there are no keys")});
  const Answer refused = Send("POST", kSecrets, Release());
  EXPECT_EQ(refused.status, 403);
  EXPECT_NE(refused.At("/message").find("there are no keys"), std::string::npos) << refused.text;
  EXPECT_EQ(Get(kSecrets).At("/items"), "[]");
  EXPECT_EQ(Create(Actor("a")).status, 201);
}

}  // namespace
}  // namespace asya::apiserver
