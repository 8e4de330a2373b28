#include "model/ownership/test_object.h"

namespace asya::model {
namespace {

using Conflicts = std::vector<std::string>;

TEST(Apply, CreatesAndIsIdempotent) {
  LiveObject live;
  const json::Value config = Json(R"({"kind":"K","metadata":{"name":"n","labels":{"a":"b"}},"spec":{"image":"i"}})");
  EXPECT_EQ(live.Apply("m", config), Conflicts{});
  EXPECT_TRUE(live.changed);
  EXPECT_EQ(live.object, config);
  EXPECT_EQ(live.Applied("m"), R"({"f:metadata":{"f:labels":{"f:a":{}}},"f:spec":{"f:image":{}}})");
  const WallTime first = live.now;
  live.now += std::chrono::seconds(5);
  EXPECT_EQ(live.Apply("m", config), Conflicts{});
  EXPECT_FALSE(live.changed);
  EXPECT_EQ(live.managers.begin()->second.time, first);
}

TEST(Apply, RemovesWhatItNoLongerApplies) {
  LiveObject live;
  live.Apply("m", Json(R"({"spec":{"image":"i","replicas":1,"scaling":{"min":1,"max":2},"tags":["a","b"],
      "env":[{"name":"A","value":"1"},{"name":"B","value":"2"}],"policies":{"p":{"attempts":1}}}})"));
  live.Apply("m", Json(R"({"spec":{"image":"i","scaling":{"min":1},"tags":["b"],"env":[{"name":"B"}]}})"));
  EXPECT_EQ(live.Text(), R"({"spec":{"env":[{"name":"B"}],"image":"i","scaling":{"min":1},"tags":["b"]}})");
  live.Apply("m", Json(R"({"spec":{"image":"i"}})"));
  EXPECT_EQ(live.Text(), R"({"spec":{"image":"i"}})");
  live.Apply("m", Json(R"({"metadata":{"name":"n"}})"));
  EXPECT_EQ(live.Text(), R"({"metadata":{"name":"n"}})");
  EXPECT_TRUE(live.managers.empty());
}

TEST(Apply, ConflictsUnlessForced) {
  LiveObject live;
  live.Apply("a", Json(R"({"spec":{"replicas":1,"image":"i","args":["x"]}})"));
  const json::Value other = Json(R"({"spec":{"replicas":2,"args":["y"],"image":"i"}})");
  EXPECT_EQ(live.Apply("b", other), (Conflicts{"a .spec.args", "a .spec.replicas"}));
  EXPECT_EQ(live.Text(), R"({"spec":{"args":["x"],"image":"i","replicas":1}})");
  EXPECT_EQ(live.Apply("b", other, true), Conflicts{});
  EXPECT_EQ(live.object, other);
  EXPECT_EQ(live.Applied("a"), R"({"f:spec":{"f:image":{}}})");
  EXPECT_EQ(live.Applied("b"), R"({"f:spec":{"f:args":{},"f:image":{},"f:replicas":{}}})");
  // The former owner gives up what it lost without taking it away.
  EXPECT_EQ(live.Apply("a", Json("{}")), Conflicts{});
  EXPECT_EQ(live.object, other);
}

TEST(Apply, SharesWhatIsEqual) {
  LiveObject live;
  live.Apply("a", Json(R"({"spec":{"replicas":1,"tags":["t"]}})"));
  EXPECT_EQ(live.Apply("b", Json(R"({"spec":{"replicas":1,"tags":["t","u"]}})")), Conflicts{});
  live.Apply("a", Json("{}"));
  EXPECT_EQ(live.Text(), R"({"spec":{"replicas":1,"tags":["t","u"]}})");
  EXPECT_EQ(live.Apply("b", Json(R"({"spec":{"replicas":3,"tags":["u"]}})")), Conflicts{});
  EXPECT_EQ(live.Text(), R"({"spec":{"replicas":3,"tags":["u"]}})");
}

TEST(Apply, NewOwnerOfTheSameHasNoTime) {
  LiveObject live;
  live.Apply("a", Json(R"({"spec":{"replicas":1}})"));
  live.Apply("b", Json(R"({"spec":{"replicas":1}})"));
  EXPECT_FALSE(live.changed);
  EXPECT_EQ(live.Applied("b"), R"({"f:spec":{"f:replicas":{}}})");
  EXPECT_FALSE(live.managers.rbegin()->second.time.has_value());
}

TEST(Apply, KeepsElementsThatOthersAddTo) {
  LiveObject live;
  live.Apply("a", Json(R"({"spec":{"env":[{"name":"A","value":"1"}]}})"));
  EXPECT_EQ(live.Apply("b", Json(R"({"spec":{"env":[{"name":"A","note":"n"},{"name":"B"}]}})")), Conflicts{});
  live.Apply("a", Json(R"({"spec":{}})"));
  EXPECT_EQ(live.Text(), R"({"spec":{"env":[{"name":"A","note":"n"},{"name":"B"}]}})");
  // An element that nobody applies goes, with what an updater put in it.
  LiveObject mixed;
  mixed.Apply("a", Json(R"({"spec":{"env":[{"name":"A","value":"1"}]}})"));
  mixed.Update("u", Json(R"({"spec":{"env":[{"name":"A","value":"1","note":"u"}]}})"));
  mixed.Apply("a", Json(R"({"spec":{"image":"i"}})"));
  EXPECT_EQ(mixed.Text(), R"({"spec":{"image":"i"}})");
}

TEST(Apply, LeavesAnEmptyMapThatAnotherApplied) {
  LiveObject live;
  live.Apply("a", Json(R"({"spec":{"policies":{"default":{}},"scaling":{}}})"));
  live.Apply("b", Json(R"({"spec":{"policies":{"default":{"attempts":1}},"scaling":{"min":1}}})"));
  live.Apply("b", Json("{}"));
  EXPECT_EQ(live.Text(), R"({"spec":{"policies":{"default":{}},"scaling":{}}})");
  EXPECT_EQ(live.Applied("a"), R"({"f:spec":{"f:policies":{"f:default":{}},"f:scaling":{}}})");
}

TEST(Apply, TakesOnlyWhatItOwned) {
  LiveObject live;
  live.Apply("a", Json(R"({"spec":{"scaling":{"min":1}}})"));
  live.Update("u", Json(R"({"spec":{"scaling":{"min":1,"max":5},"image":"i"}})"));
  live.Apply("a", Json(R"({"spec":{"replicas":1}})"));
  EXPECT_EQ(live.Text(), R"({"spec":{"image":"i","replicas":1,"scaling":{"max":5}}})");
  EXPECT_EQ(live.Updated("u"), R"({"f:spec":{"f:image":{},"f:scaling":{"f:max":{}}}})");
}

TEST(Apply, AppliersAndUpdatersOfOneNameAreTwo) {
  LiveObject live;
  live.Update("m", Json(R"({"spec":{"replicas":1}})"));
  EXPECT_EQ(live.Updated("m"), R"({"f:spec":{".":{},"f:replicas":{}}})");
  EXPECT_EQ(live.Apply("m", Json(R"({"spec":{"replicas":2}})")), Conflicts{"m .spec.replicas"});
  live.Apply("m", Json(R"({"spec":{"replicas":2}})"), true);
  EXPECT_EQ(live.Updated("m"), R"({"f:spec":{}})");
  EXPECT_EQ(live.Applied("m"), R"({"f:spec":{"f:replicas":{}}})");
}

TEST(Apply, FindsOwnersOfObjectsThatNobodyTracked) {
  LiveObject live;
  live.object = Json(R"({"spec":{"replicas":1,"image":"i"},"status":{"phase":"p"}})");
  EXPECT_EQ(live.Apply("m", Json(R"({"spec":{"replicas":2}})")), Conflicts{"before-first-apply .spec.replicas"});
  EXPECT_EQ(live.Apply("m", Json(R"({"spec":{"replicas":1}})")), Conflicts{});
  EXPECT_EQ(live.Updated("before-first-apply"), R"({"f:spec":{".":{},"f:image":{},"f:replicas":{}}})");
}

TEST(Apply, OfTheStatusOwnsNothingElse) {
  LiveObject live;
  live.Apply("m", Json(R"({"spec":{"image":"i"}})"));
  live.subresource = "status";
  live.Apply("m", Json(R"({"spec":{"image":"i"},"status":{"phase":"p"}})"));
  EXPECT_EQ(live.Applied("m"), R"({"f:status":{"f:phase":{}}})");
  live.subresource = "";
  live.Apply("m", Json(R"({"spec":{"image":"i"}})"));
  EXPECT_EQ(live.Text(), R"({"spec":{"image":"i"},"status":{"phase":"p"}})");
  EXPECT_EQ(live.managers.size(), 2U);
}

TEST(Apply, ForgetsManagersOfVersionsThatAreGone) {
  LiveObject live;
  live.version = "asya.sh/v1";
  live.Apply("old", Json(R"({"spec":{"replicas":1}})"));
  live.version = "asya.sh/v1alpha1";
  EXPECT_EQ(live.Apply("m", Json(R"({"spec":{"replicas":2}})")), Conflicts{});
  EXPECT_EQ(live.Applied("old"), "{}");
}

TEST(Apply, FreesAtomicValuesAsAWhole) {
  LiveObject live;
  live.Apply("a", Json(R"({"spec":{"selector":{"x":"1"},"extra":{"deep":{"list":[1,2]}}}})"));
  EXPECT_EQ(live.Apply("b", Json(R"({"spec":{"selector":{"y":"1"},"extra":{"deep":{"list":[2]}}}})")),
            (Conflicts{"a .spec.selector", "a .spec.extra.deep.list"}));
  EXPECT_EQ(live.Apply("b", Json(R"({"spec":{"extra":{"deep":{"more":1}}}})")), Conflicts{});
  live.Apply("a", Json("{}"));
  EXPECT_EQ(live.Text(), R"({"spec":{"extra":{"deep":{"more":1}}}})");
}

TEST(TrackUpdate, MovesWhatChanged) {
  LiveObject live;
  live.Update("a", Json(R"({"metadata":{"name":"n","labels":{"x":"1"}},"spec":{"image":"i","env":[{"name":"A"}]}})"));
  EXPECT_EQ(live.Updated("a"),
            R"({"f:metadata":{"f:labels":{".":{},"f:x":{}}},)"
            R"("f:spec":{".":{},"f:env":{".":{},"k:{\"name\":\"A\"}":{".":{},"f:name":{}}},"f:image":{}}})");
  live.Update("b", Json(R"({"metadata":{"name":"n"},"spec":{"image":"j","env":[{"name":"A"}]}})"));
  EXPECT_EQ(live.Updated("a"), R"({"f:spec":{".":{},"f:env":{".":{},"k:{\"name\":\"A\"}":{".":{},"f:name":{}}}}})");
  EXPECT_EQ(live.Updated("b"), R"({"f:spec":{"f:image":{}}})");
  const json::Array before = EncodeManagers(live.managers);
  live.now += std::chrono::seconds(9);
  live.Update("c", live.object);
  EXPECT_EQ(EncodeManagers(live.managers), before);
}

TEST(TrackUpdate, PutsTheOldestTogether) {
  LiveObject live;
  json::Value object = Json(R"({"spec":{"image":"i"}})");
  live.Update("first", object);
  live.Apply("applier", Json(R"({"spec":{"replicas":1}})"));
  for (int i = 0; i < 12; ++i) {
    live.now += std::chrono::seconds(1);
    object = live.object;
    object["metadata"]["labels"]["l" + std::to_string(i)] = "x";
    live.Update("m" + std::to_string(i), object);
  }
  EXPECT_EQ(live.managers.size(), 11U);
  EXPECT_EQ(live.Updated("first"), "{}");
  EXPECT_EQ(live.Updated("ancient-changes"),
            R"({"f:metadata":{"f:labels":{".":{},"f:l0":{},"f:l1":{},"f:l2":{}}},"f:spec":{".":{},"f:image":{}}})");
  EXPECT_NE(live.Applied("applier"), "{}");
}

TEST(Managers, AreWrittenInOrderAndReadAgain) {
  LiveObject live;
  live.Update("z", Json(R"({"spec":{"image":"i"}})"));
  live.now += std::chrono::seconds(1);
  live.Update("a", Json(R"({"spec":{"image":"j"}})"));
  live.Apply("m", Json(R"({"spec":{"replicas":1}})"));
  const json::Array entries = EncodeManagers(live.managers);
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(json::Dump(entries[0]),
            R"({"apiVersion":"asya.sh/v1alpha1","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:replicas":{}}},)"
            R"("manager":"m","operation":"Apply","time":"2027-01-15T08:00:01Z"})");
  EXPECT_EQ(entries[1].GetString("manager"), "z");
  EXPECT_EQ(entries[2].GetString("manager"), "a");
  EXPECT_EQ(EncodeManagers(DecodeManagers(entries).value()), entries);
}

TEST(Managers, RefuseWhatIsMalformed) {
  const std::string good = R"("operation":"Update","apiVersion":"v","fieldsType":"FieldsV1")";
  EXPECT_TRUE(DecodeManagers(Json("[{" + good + "}]")).ok());
  EXPECT_TRUE(DecodeManagers(Json("null"))->empty());
  for (const std::string& text :
       {std::string("5"), std::string("[5]"), std::string("[{}]"),
        std::string(R"([{"operation":"Move","apiVersion":"v","fieldsType":"FieldsV1"}])"),
        std::string(R"([{"operation":"Apply","fieldsType":"FieldsV1"}])"),
        std::string(R"([{"operation":"Apply","apiVersion":"v"}])"), "[{" + good + R"(,"manager":5}])",
        "[{" + good + R"(,"time":"yesterday"}])", "[{" + good + R"(,"fieldsV1":[]}])"}) {
    EXPECT_FALSE(DecodeManagers(Json(text)).ok()) << text;
  }
  EXPECT_FALSE(DecodeManagers(json::Array(kManagersLimit + 1, Json("{" + good + "}"))).ok());
}

}  // namespace
}  // namespace asya::model
