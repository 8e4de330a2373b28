#include "reconcilers/garbage_collector.h"

#include <gtest/gtest.h>

#include "core/json/parse.h"
#include "storage/memory/object_store.h"

namespace asya::reconcilers {
namespace {

// A store whose objects are written by hand, and the collector run until it has nothing more to do.
class Garbage : public ::testing::Test {
 protected:
  Garbage() : store_(RealClock()), objects_(store_, RealClock()) { store_.Start(); }

  static std::string PluralOf(const std::string& kind) {
    return kind == "Namespace" ? kNamespaces : kind == "AsyncActor" ? kActors : kind == "Flavor" ? kFlavors : kFlows;
  }
  // {"kind":…,"name":…,"uid":…} of a stored object, as an owner reference.
  json::Value OwnerOf(const std::string& kind, const std::string& name, bool blocks = false) {
    const auto owner = Find(kind, name);
    json::Object reference{{"apiVersion", kind == "Namespace" ? "v1" : "asya.sh/v1alpha1"},
                           {"kind", kind},
                           {"name", name},
                           {"uid", owner ? owner->record.uid : "absent-" + name}};
    if (blocks) reference["blockOwnerDeletion"] = true;
    return reference;
  }
  void Create(const std::string& kind, const std::string& name, json::Array owners = {}, json::Array finalizers = {}) {
    json::Value object = json::Object{{"apiVersion", "asya.sh/v1alpha1"}, {"kind", kind}};
    object["metadata"]["name"] = name;
    if (kind != "Flavor" && kind != "Namespace") object["metadata"]["namespace"] = "default";
    if (!owners.empty()) object["metadata"]["ownerReferences"] = std::move(owners);
    if (!finalizers.empty()) object["metadata"]["finalizers"] = std::move(finalizers);
    ASSERT_TRUE(objects_.Create(PluralOf(kind), object).ok());
  }
  std::optional<Stored> Find(const std::string& kind, const std::string& name) {
    return objects_.Get(PluralOf(kind), kind == "Flavor" || kind == "Namespace" ? "" : "default", name).value();
  }
  bool Exists(const std::string& kind, const std::string& name) { return Find(kind, name).has_value(); }
  void Delete(const std::string& kind, const std::string& name) {
    ASSERT_TRUE(objects_.Delete(*Find(kind, name)).ok());
  }
  // As a DELETE with this policy, which the API server turns into a finalizer.
  void DeleteBy(const std::string& kind, const std::string& name, const char* finalizer) {
    const Stored read = *Find(kind, name);
    json::Value object = read.object;
    object["metadata"]["finalizers"] = json::Array{finalizer};
    ASSERT_TRUE(objects_.Delete(objects_.Write(read, object).value()).ok());
  }
  void Settle() {
    for (ports::Revision seen{0}; seen != store_.Head().value();) {
      seen = store_.Head().value();
      std::set<ports::ObjectKey> look;
      for (const std::string& resource : resources_) {
        const auto page = store_.List({resource, {}, {}, 0, {}, {}}).value();
        for (const ports::ObjectKey& key : index_.Replace(resource, page.items)) look.insert(key);
      }
      for (const ports::ObjectKey& key : look) {
        const Outcome outcome = collector_.Reconcile(CollectorKey(key));
        if (const auto* failed = std::get_if<Failed>(&outcome)) {
          EXPECT_EQ(failed->error.code, ErrorCode::kConflict) << failed->error.message;
        }
      }
    }
  }

  storage::memory::ObjectStore store_;
  Objects objects_;
  OwnerIndex index_;
  const std::vector<std::string> resources_{kActors, kFlavors, kFlows, kNamespaces};
  GarbageCollector collector_{store_, RealClock(), index_, resources_};
};

TEST_F(Garbage, WhatLostItsOwnerGoesToo) {
  Create("AsyncActor", "owner");
  Create("Flow", "child", {OwnerOf("AsyncActor", "owner")});
  Create("AsyncActor", "grandchild", {OwnerOf("Flow", "child")});
  Create("Flow", "stranger");
  Settle();
  EXPECT_TRUE(Exists("Flow", "child")) << "its owner is there";
  Delete("AsyncActor", "owner");
  Settle();
  EXPECT_FALSE(Exists("Flow", "child"));
  EXPECT_FALSE(Exists("AsyncActor", "grandchild"));
  EXPECT_TRUE(Exists("Flow", "stranger"));
}

TEST_F(Garbage, AnotherObjectOfThatNameIsNotTheOwner) {
  Create("AsyncActor", "owner");
  const json::Value reference = OwnerOf("AsyncActor", "owner");
  Delete("AsyncActor", "owner");
  Create("AsyncActor", "owner");
  Create("Flow", "child", {reference});
  Settle();
  EXPECT_FALSE(Exists("Flow", "child"));
  EXPECT_TRUE(Exists("AsyncActor", "owner"));
}

TEST_F(Garbage, OneOwnerThatIsLeftKeepsAnObject) {
  Create("AsyncActor", "first");
  Create("AsyncActor", "second");
  Create("Flow", "child", {OwnerOf("AsyncActor", "first"), OwnerOf("AsyncActor", "second")});
  Delete("AsyncActor", "first");
  Settle();
  ASSERT_TRUE(Exists("Flow", "child"));
  const auto owners = OwnersOf(Find("Flow", "child")->object, "default");
  ASSERT_EQ(owners.size(), 1U) << "the reference to the other is gone";
  EXPECT_EQ(owners[0].key->name, "second");
}

TEST_F(Garbage, OwnersOfOtherKindsCountAsThere) {
  json::Value deployment = OwnerOf("AsyncActor", "absent");
  deployment["apiVersion"] = "apps/v1";
  deployment["kind"] = "Deployment";
  Create("Flow", "child", {deployment});
  Create("Flavor", "wide", {OwnerOf("AsyncActor", "absent")});
  Settle();
  EXPECT_TRUE(Exists("Flow", "child")) << "nothing is known of it here";
  EXPECT_TRUE(Exists("Flavor", "wide")) << "nobody knows in which namespace the owner would be";
}

TEST_F(Garbage, ANamespaceIsNeverCollected) {
  Create("Flavor", "owner");
  Create("Namespace", "team", {OwnerOf("Flavor", "owner")});
  Delete("Flavor", "owner");
  Settle();
  EXPECT_TRUE(Exists("Namespace", "team")) << "what is in it would be left without one";
}

TEST_F(Garbage, ForegroundWaitsForWhatBlocks) {
  Create("AsyncActor", "owner");
  Create("Flow", "blocking", {OwnerOf("AsyncActor", "owner", true)}, {"example.org/held"});
  Create("Flow", "other", {OwnerOf("AsyncActor", "owner")});
  DeleteBy("AsyncActor", "owner", kForegroundFinalizer);
  Settle();
  EXPECT_FALSE(Exists("Flow", "other"));
  ASSERT_TRUE(Exists("Flow", "blocking"));
  EXPECT_TRUE(IsBeingDeleted(Find("Flow", "blocking")->object));
  EXPECT_TRUE(Exists("AsyncActor", "owner")) << "a dependent that blocks is still there";
  ASSERT_TRUE(objects_.RemoveFinalizer(*Find("Flow", "blocking"), "example.org/held").ok());
  Settle();
  EXPECT_FALSE(Exists("Flow", "blocking"));
  EXPECT_FALSE(Exists("AsyncActor", "owner"));
}

TEST_F(Garbage, ForegroundGoesDownTheWholeTree) {
  Create("AsyncActor", "owner");
  Create("Flow", "child", {OwnerOf("AsyncActor", "owner", true)});
  Create("AsyncActor", "grandchild", {OwnerOf("Flow", "child", true)}, {"example.org/held"});
  DeleteBy("AsyncActor", "owner", kForegroundFinalizer);
  Settle();
  const std::vector<std::pair<std::string, std::string>> tree{
      {"AsyncActor", "owner"}, {"Flow", "child"}, {"AsyncActor", "grandchild"}};
  for (const auto& [kind, name] : tree) {
    ASSERT_TRUE(Exists(kind, name)) << name;
    EXPECT_TRUE(IsBeingDeleted(Find(kind, name)->object)) << name;
  }
  ASSERT_TRUE(objects_.RemoveFinalizer(*Find("AsyncActor", "grandchild"), "example.org/held").ok());
  Settle();
  EXPECT_FALSE(Exists("Flow", "child"));
  EXPECT_FALSE(Exists("AsyncActor", "owner"));
}

TEST_F(Garbage, ForegroundWithoutDependentsEndsAtOnce) {
  Create("AsyncActor", "owner");
  DeleteBy("AsyncActor", "owner", kForegroundFinalizer);
  index_.Replace(kActors, {});
  EXPECT_TRUE(std::holds_alternative<RequeueAfter>(collector_.Reconcile(CollectorKey({kActors, "default", "owner"}))))
      << "not all kinds have been listed yet";
  EXPECT_EQ(index_.Put(Find("AsyncActor", "owner")->record), (OwnerIndex::Keys{{kActors, "default", "owner"}}))
      << "the watch brings it to the collector";
  Settle();
  EXPECT_FALSE(Exists("AsyncActor", "owner"));
}

TEST_F(Garbage, OrphansStayWithoutTheirOwner) {
  Create("AsyncActor", "owner");
  Create("Flow", "child", {OwnerOf("AsyncActor", "owner", true)});
  DeleteBy("AsyncActor", "owner", kOrphanFinalizer);
  Settle();
  EXPECT_FALSE(Exists("AsyncActor", "owner"));
  ASSERT_TRUE(Exists("Flow", "child"));
  EXPECT_TRUE(OwnersOf(Find("Flow", "child")->object, "default").empty());
}

TEST_F(Garbage, WhatItDeletesIsInTheHistory) {
  Create("AsyncActor", "owner");
  Create("Flow", "child", {OwnerOf("AsyncActor", "owner")});
  const ports::ObjectKey key = Find("Flow", "child")->record.key;
  Delete("AsyncActor", "owner");
  Settle();
  const auto history = store_.History({key, {}, {}, {}, 10}).value();
  ASSERT_FALSE(history.empty());
  EXPECT_EQ(history[0].author.user, "system:asya:garbage-collector");
  EXPECT_EQ(history[0].author.verb, "delete");
}

TEST_F(Garbage, WhatAFinalizerHoldsIsInTheHistoryAsDeleted) {
  Create("AsyncActor", "owner");
  Create("Flow", "child", {OwnerOf("AsyncActor", "owner")});
  json::Value held = Find("Flow", "child")->object;
  held["metadata"]["finalizers"] = json::Array{"example.org/hold"};
  ASSERT_TRUE(objects_.Write(*Find("Flow", "child"), held).ok());
  const ports::ObjectKey key = Find("Flow", "child")->record.key;
  Delete("AsyncActor", "owner");
  Settle();
  ASSERT_TRUE(Exists("Flow", "child")) << "the finalizer holds it";
  const auto history = store_.History({key, {}, {}, {}, 10}).value();
  ASSERT_FALSE(history.empty()) << "else nobody could tell that it was deleted, and by whom";
  EXPECT_EQ(history[0].author.verb, "delete");
}

TEST(OwnerIndex, TellsWhomAChangeConcerns) {
  OwnerIndex index;
  const auto record = [](const std::string& text) {
    ports::Record made;
    made.key = {kFlows, "default", "child"};
    made.uid = "c";
    made.json = std::make_shared<const std::string>(text);
    return made;
  };
  const ports::Record plain = record(R"({"metadata":{"name":"child"}})");
  EXPECT_TRUE(index.Put(plain).empty());
  const ports::Record owned = record(R"({"metadata":{"name":"child","ownerReferences":[)"
                                     R"({"apiVersion":"asya.sh/v1","kind":"AsyncActor","name":"o","uid":"u"}]}})");
  EXPECT_EQ(index.Put(owned), (OwnerIndex::Keys{owned.key, {kActors, "default", "o"}}));
  EXPECT_TRUE(index.Put(owned).empty()) << "nothing new";
  EXPECT_EQ(index.DependentsOf("u"), OwnerIndex::Keys{owned.key});
  EXPECT_EQ(index.Put(plain), (OwnerIndex::Keys{{kActors, "default", "o"}})) << "the owner may go on";
  index.Put(owned);
  EXPECT_EQ(index.Remove(owned), (OwnerIndex::Keys{{kActors, "default", "o"}}));
  EXPECT_TRUE(index.DependentsOf("u").empty());
  ports::Record owner = plain;
  owner.key = {kActors, "default", "o"};
  owner.uid = "u";
  index.Put(owned);
  EXPECT_EQ(index.Remove(owner), OwnerIndex::Keys{owned.key});
}

}  // namespace
}  // namespace asya::reconcilers
