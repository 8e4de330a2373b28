#include "storage/sealed/object_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "core/base/base64url.h"
#include "storage/conformance/object_store_suite.h"
#include "storage/memory/object_store.h"

namespace asya::storage::sealed {
namespace {

using ports::Record;

// Shows nothing at a glance, and tells where a text belongs; no cipher.
class ToySeal final : public Seal {
 public:
  [[nodiscard]] Result<std::string> Close(std::string_view text, std::string_view bound_to) const override {
    return EncodeBase64Url(std::string(bound_to) + "|" + std::string(text));
  }
  [[nodiscard]] Result<std::string> Open(std::string_view sealed, std::string_view bound_to) const override {
    const auto text = DecodeBase64Url(sealed);
    const std::string prefix = std::string(bound_to) + "|";
    if (!text || !text->starts_with(prefix)) return Invalid("", "it belongs elsewhere");
    return text->substr(prefix.size());
  }
};

class Harness final : public conformance::ObjectStoreHarness {
 public:
  explicit Harness(const BroadcasterSettings& settings)
      : inner_(RealClock(), settings), store_(inner_, {"asyncactors", "flows"}, std::make_unique<ToySeal>()) {
    inner_.Start();
  }
  ports::ObjectStore& store() override { return store_; }
  ports::ObjectStore& below() override { return inner_; }

 private:
  memory::ObjectStore inner_;
  ObjectStore store_;
};

Record Secret(const std::string& members) {
  Record record;
  record.key = {"secrets", "default", "one"};
  record.uid = "u1";
  record.json = std::make_shared<const std::string>(members);
  return record;
}

class SealedObjectStore : public testing::Test {
 protected:
  SealedObjectStore() : inner_(RealClock()), store_(inner_, {"secrets"}, std::make_unique<ToySeal>()) {
    inner_.Start();
  }
  std::string Inside() { return *inner_.Get({"secrets", "default", "one"})->json; }

  memory::ObjectStore inner_;
  ObjectStore store_;
  const ports::Author author_{"ada", "", "create", true};
  const ports::ObjectKey key_{"secrets", "default", "one"};
};

constexpr const char* kOpen =
    R"({"apiVersion":"v1","kind":"Secret","metadata":{"annotations":{"note":"hunter2"},"name":"one","uid":"u1"},)"
    R"("data":{"release":"hunter2"},"type":"helm.sh/release.v1"})";

TEST_F(SealedObjectStore, KeepsNothingOfTheContentAndReturnsAllOfIt) {
  const auto created = store_.Create(Secret(kOpen), author_);
  ASSERT_TRUE(created.ok());
  EXPECT_EQ(*created->json, kOpen);
  EXPECT_EQ(*store_.Get(key_)->json, kOpen);
  EXPECT_EQ(*store_.List({"secrets", {}, {}, 0, {}, {}})->items.front().json, kOpen);
  EXPECT_EQ(Inside().find("hunter2"), std::string::npos) << Inside();
  EXPECT_TRUE(
      Inside().starts_with(R"({"apiVersion":"v1","kind":"Secret","metadata":{"name":"one","uid":"u1"},"sealed":")"))
      << Inside();
  EXPECT_EQ(*store_.Delete(key_, {}, author_)->json, kOpen);
}

TEST_F(SealedObjectStore, MembersComeBackBehindMetadataWhateverTheirOrder) {
  ASSERT_TRUE(
      store_.Create(Secret(R"({"apiVersion":"v1","data":{"a":""},"kind":"Secret","metadata":{}})"), author_).ok());
  EXPECT_EQ(*store_.Get(key_)->json, R"({"apiVersion":"v1","kind":"Secret","metadata":{},"data":{"a":""}})");
}

TEST_F(SealedObjectStore, LeavesOtherResourcesAsTheyAre) {
  Record record = Secret(R"({"apiVersion":"v1","kind":"Namespace","metadata":{}})");
  record.key = {"namespaces", "", "one"};
  ASSERT_TRUE(store_.Create(record, author_).ok());
  EXPECT_EQ(*inner_.Get(record.key)->json, *record.json);
}

TEST_F(SealedObjectStore, WhatDoesNotOpenFailsTheCallAndEndsTheWatch) {
  const auto from = *store_.Head();
  const auto sink = std::make_shared<conformance::RecordingSink>();
  const auto watch = store_.Watch({"secrets", std::nullopt}, from, sink);
  ASSERT_TRUE(watch.ok());
  // Moved from another object, and never sealed at all.
  ASSERT_TRUE(store_.Create(Secret(kOpen), author_).ok());
  Record moved = Secret(Inside());
  moved.key.name = "two";
  ASSERT_TRUE(inner_.Create(moved, author_).ok());
  Record plain = Secret(kOpen);
  plain.key.name = "three";
  ASSERT_TRUE(inner_.Create(plain, author_).ok());
  EXPECT_EQ(store_.Get(moved.key).error().code, ErrorCode::kInternal);
  EXPECT_EQ(store_.Get(plain.key).error().message, "secrets/default/three cannot be opened: it is not sealed");
  EXPECT_FALSE(store_.List({"secrets", {}, {}, 0, {}, {}}).ok());
  ASSERT_TRUE(sink->WaitForClose().has_value());
  EXPECT_EQ(sink->WaitForClose()->code, ErrorCode::kInternal);
  EXPECT_EQ(sink->WaitForEvents(1).size(), 1U);
}

}  // namespace

using conformance::ObjectStoreImplementation;
using conformance::ObjectStoreSuite;

INSTANTIATE_TEST_SUITE_P(Sealed, ObjectStoreSuite,
                         testing::Values(ObjectStoreImplementation{
                             "Sealed",
                             [](const BroadcasterSettings& settings) { return std::make_unique<Harness>(settings); }}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace asya::storage::sealed
