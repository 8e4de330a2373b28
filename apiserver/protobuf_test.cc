#include "apiserver/protobuf.h"

#include <gtest/gtest.h>

#include "apiserver/test_api.h"

namespace asya::apiserver {
namespace {

std::string Field(int number, const std::string& text) {
  std::string field{static_cast<char>(number << 3 | 2)};
  std::size_t size = text.size();
  for (; size > 127; size >>= 7) field += static_cast<char>(128 | (size & 127));
  return field + static_cast<char>(size) + text;
}

std::string Number(int number, int value) {
  return std::string{static_cast<char>(number << 3), static_cast<char>(value)};
}

std::string Envelope(const std::string& kind, const std::string& object) {
  return std::string("k8s\0", 4) + Field(1, Field(1, "v1") + Field(2, kind)) + Field(2, object);
}

const HeaderList kProtobuf{{"Content-Type", "application/vnd.kubernetes.protobuf"}};

TEST_F(TestApi, ATypedClientMayUpdateANamespace) {
  const char* path = "/api/v1/namespaces/default";
  const std::string revision = Get(path).At("/metadata/resourceVersion");
  const auto update = [&](const std::string& of, const std::string& more) {
    const std::string metadata = Field(1, "default") + Field(6, of) + more;
    return Send("PUT", path, Envelope("Namespace", Field(1, metadata)), kProtobuf);
  };
  const std::string owner =
      Field(1, "Flavor") + Field(3, "a") + Field(4, "u") + Field(5, "asya.sh/v1alpha1") + Number(6, 1) + Number(7, 0);
  const Answer updated = update(revision, Field(13, owner) + Field(14, "a/b") + Field(14, "c/d"));
  ASSERT_EQ(updated.status, 200) << updated.text;
  EXPECT_EQ(updated.At("/metadata/finalizers"), R"(["a/b","c/d"])");
  EXPECT_EQ(updated.At("/metadata/ownerReferences/0/controller"), "true");
  EXPECT_EQ(updated.At("/metadata/ownerReferences/0/blockOwnerDeletion"), "false");
  EXPECT_EQ(updated.At("/metadata/ownerReferences/0/apiVersion"), "asya.sh/v1alpha1");
  EXPECT_EQ(update(revision, "").status, 409);
  EXPECT_EQ(update(updated.At("/metadata/resourceVersion"), Field(5, "another")).status, 409);
}

TEST_F(TestApi, SecretsComeAsProtobufToo) {
  const std::string owner = Field(1, "AsyncActor") + Field(3, "a") + Field(4, "u") + Field(5, "asya.sh/v1alpha1") +
                            Number(6, 1) + Number(7, 0);
  const std::string metadata = Field(1, "one") + Field(3, "default") + Field(11, Field(1, "owner") + Field(2, "helm")) +
                               Field(13, owner) + Field(14, "a/b") + Field(14, "c/d");
  const std::string secret = Field(1, metadata) + Field(2, Field(1, "release") + Field(2, std::string("\xff\0x", 3))) +
                             Field(3, "helm.sh/release.v1") + Field(4, Field(1, "more") + Field(2, "foo")) +
                             Number(5, 1);
  const Answer made = Send("POST", "/api/v1/namespaces/default/secrets", Envelope("Secret", secret), kProtobuf);
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.At("/data"), R"({"more":"Zm9v","release":"/wB4"})");
  EXPECT_EQ(made.At("/immutable"), "true");
  EXPECT_EQ(made.At("/metadata/finalizers"), R"(["a/b","c/d"])");
  EXPECT_EQ(made.At("/metadata/ownerReferences/0/controller"), "true");
  EXPECT_EQ(made.At("/metadata/ownerReferences/0/apiVersion"), "asya.sh/v1alpha1");
  const std::string other =
      Field(1, Field(1, "one") + Field(3, "default") + Field(6, "1")) + Field(3, "helm.sh/release.v1");
  EXPECT_EQ(
      Send("PUT", std::string("/api/v1/namespaces/default/secrets") + "/one", Envelope("Secret", other), kProtobuf)
          .status,
      409);
}

TEST_F(TestApi, ProtobufMayNotHaveBytesWhereJsonHasText) {
  const auto make = [this](const std::string& note) {
    const std::string metadata = Field(1, "team") + Field(12, Field(1, "note") + Field(2, note));
    return Send("POST", "/api/v1/namespaces", Envelope("Namespace", Field(1, metadata)), kProtobuf);
  };
  EXPECT_EQ(make("\xff").status, 400);
  EXPECT_EQ(make("caf\xc3\xa9").status, 201);
}

TEST_F(TestApi, DeleteOptionsComeAsProtobufToo) {
  const std::string uid = Create(Actor("a")).At("/metadata/uid");
  const auto remove = [this](const std::string& options) {
    return Send("DELETE", Path("a"), Envelope("DeleteOptions", options), kProtobuf);
  };
  EXPECT_EQ(remove(Field(2, Field(1, "another"))).status, 409);
  EXPECT_EQ(remove(Field(2, Field(1, uid) + Field(2, "1"))).status, 409);
  EXPECT_EQ(remove(Field(4, "Nothing")).status, 422);
  EXPECT_EQ(remove(Number(3, 1) + Field(4, "Orphan")).status, 422);
  EXPECT_EQ(remove(Field(5, "All")).status, 200);
  EXPECT_EQ(Get(Path("a")).status, 200);
  EXPECT_EQ(Send("DELETE", Path("a"), "k8s", kProtobuf).status, 400);
  EXPECT_EQ(Send("DELETE", Path("a"), Envelope("Namespace", ""), kProtobuf).status, 400);
  EXPECT_EQ(remove(Number(1, 0) + Field(2, Field(1, uid)) + Field(4, "Background")).status, 200);
  EXPECT_EQ(Get(Path("a")).status, 404);
}

}  // namespace
}  // namespace asya::apiserver
