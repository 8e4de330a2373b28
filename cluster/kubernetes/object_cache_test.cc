#include "cluster/kubernetes/object_cache.h"

#include <gtest/gtest.h>

#include "cluster/kubernetes/child_kinds.h"
#include "core/json/parse.h"

namespace asya::cluster::kubernetes {
namespace {

json::Value Map(const std::string& name, int version, const std::string& owner) {
  return json::Object{{"apiVersion", "v1"},
                      {"kind", "ConfigMap"},
                      {"metadata", json::Object{{"name", name},
                                                {"namespace", "team"},
                                                {"resourceVersion", std::to_string(version)},
                                                {"labels", json::Object{{kOwnerLabel, owner}}},
                                                {"managedFields", json::Array{}}}}};
}

ports::ResourceRef Ref(const std::string& name) { return {"v1", "ConfigMap", "team", name}; }

using Owners = std::set<std::string>;

struct Cache : ObjectCache {
  Cache() : ObjectCache([](const json::Value& object) { return LabelOf(object, kOwnerLabel); }) {}
  std::string VersionIn(const std::string& name) const {
    const Object object = Find(Ref(name));
    return object == nullptr ? "none" : MetadataOf(*object, "resourceVersion");
  }
};

TEST(ObjectCache, KeepsOfTheManagersWhoeverHasAppliedACount) {
  Cache cache;
  json::Value map = Map("a", 5, "u1");
  cache.Put(map);
  EXPECT_EQ(cache.Find(Ref("a"))->FindPath({"metadata", "managedFields"}), nullptr);
  map["metadata"]["resourceVersion"] = "6";
  map["metadata"]["managedFields"] =
      json::Parse(
          R"([{"manager":"asya","operation":"Apply","time":"now","fieldsV1":{"f:spec":{"f:replicas":{},"f:a":{}}}},
        {"manager":"asya-initial","operation":"Apply","fieldsV1":{"f:spec":{"f:replicas":{}}}},
        {"manager":"kubectl","operation":"Update","fieldsV1":{"f:spec":{"f:replicas":{}}}}])")
          .value();
  cache.Put(map);
  EXPECT_EQ(json::Dump(*cache.Find(Ref("a"))->FindPath({"metadata", "managedFields"})),
            R"([{"fieldsV1":{"f:spec":{"f:replicas":{}}},"manager":"asya","operation":"Apply"}])");
}

TEST(ObjectCache, KeepsTheNewestWhicheverWayItCame) {
  Cache cache;
  EXPECT_EQ(cache.Put(Map("a", 5, "u1")), Owners{"u1"});
  EXPECT_EQ(cache.Put(Map("a", 5, "u1")), Owners{});
  EXPECT_EQ(cache.Put(Map("a", 4, "u1")), Owners{});
  EXPECT_EQ(cache.VersionIn("a"), "5");
  cache.PutWritten(Map("a", 9, "u1"));
  EXPECT_EQ(cache.Put(Map("a", 8, "u1")), Owners{});
  EXPECT_EQ(cache.VersionIn("a"), "9");
  EXPECT_EQ(cache.Find(Ref("a"))->Find("metadata")->Find("managedFields"), nullptr);
}

TEST(ObjectCache, ReplacesAKindButNotWhatWasWrittenSinceTheList) {
  Cache cache;
  cache.Put(Map("old", 3, "u1"));
  cache.Put(Map("kept", 4, "u2"));
  cache.PutWritten(Map("written", 12, "u3"));
  EXPECT_EQ(cache.Replace("ConfigMap", {Map("kept", 4, "u2"), Map("new", 7, "u4")}, 10), (Owners{"u1", "u4"}));
  EXPECT_EQ(cache.VersionIn("old"), "none");
  EXPECT_EQ(cache.VersionIn("kept"), "4");
  EXPECT_EQ(cache.VersionIn("written"), "12");
  EXPECT_TRUE(cache.OwnedBy("u1").empty());
  EXPECT_EQ(cache.OwnedBy("u4").size(), 1U);
}

TEST(ObjectCache, ALateAnswerBringsNothingBack) {
  Cache cache;
  cache.Put(Map("a", 5, "u1"));
  EXPECT_EQ(cache.Remove(Map("a", 7, "u1")), Owners{"u1"});
  cache.PutWritten(Map("a", 6, "u1"));
  EXPECT_EQ(cache.VersionIn("a"), "none");
  cache.SeenUpTo("ConfigMap", 20);
  cache.PutWritten(Map("b", 19, "u1"));
  EXPECT_EQ(cache.VersionIn("b"), "none");
  cache.PutWritten(Map("b", 21, "u1"));
  EXPECT_EQ(cache.VersionIn("b"), "21");
  EXPECT_EQ(cache.Remove(Map("b", 20, "u1")), Owners{}) << "one of that name was made since";
  EXPECT_EQ(cache.VersionIn("b"), "21");
}

TEST(ObjectCache, ForgetsAKindThatIsNotServedAnyMore) {
  Cache cache;
  cache.Put(Map("a", 5, "u1"));
  EXPECT_EQ(cache.Forget("Secret"), Owners{});
  EXPECT_EQ(cache.Forget("ConfigMap"), Owners{"u1"});
  EXPECT_EQ(cache.VersionIn("a"), "none");
  cache.PutWritten(Map("a", 3, "u1"));
  EXPECT_EQ(cache.VersionIn("a"), "3") << "it may be served anew, and begin anew";
}

TEST(ObjectCache, TellsBothOwnersOfWhatChangesHands) {
  Cache cache;
  cache.Put(Map("a", 5, "u1"));
  EXPECT_EQ(cache.Put(Map("a", 6, "u2")), (Owners{"u1", "u2"}));
  EXPECT_TRUE(cache.OwnedBy("u1").empty());
  ASSERT_EQ(cache.OwnedBy("u2").size(), 1U);
  EXPECT_EQ(cache.OwnedBy("u2")[0].ref, Ref("a"));
  EXPECT_EQ(cache.Put(Map("a", 7, "")), Owners{"u2"});
  EXPECT_TRUE(cache.OwnedBy("").empty());
}

}  // namespace
}  // namespace asya::cluster::kubernetes
