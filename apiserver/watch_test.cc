#include "apiserver/test_watch.h"

namespace asya::apiserver {
namespace {

TEST_F(WatchApi, TellsEveryChangeAfterItsRevision) {
  Create(Actor("before"));
  const auto watch = Watch("timeoutSeconds=60&resourceVersion=" + Head());
  const std::string created = Create(Actor("a")).At("/metadata/resourceVersion");
  const std::string patched = Merge(Path("a"), R"({"spec":{"image":"i:2"}})").At("/metadata/resourceVersion");
  Send("DELETE", Path("a"));
  const auto events = watch->Events(3);
  EXPECT_EQ(Summary(events), "ADDED a, MODIFIED a, DELETED a");
  EXPECT_EQ(Of(events[0], "/object/metadata/resourceVersion"), created);
  EXPECT_EQ(Of(events[1], "/object/metadata/resourceVersion"), patched);
  EXPECT_EQ(Of(events[2], "/object/spec/image"), "i:2");
  EXPECT_GT(std::stoll(Of(events[2], "/object/metadata/resourceVersion")), std::stoll(patched));
}

TEST_F(WatchApi, BeginsWithTheCurrentStateWhereNoRevisionIsGiven) {
  Create(Actor("a"));
  for (const char* query : {"timeoutSeconds=60", "timeoutSeconds=60&resourceVersion=0"}) {
    const auto watch = Watch(query);
    EXPECT_EQ(Summary(watch->Events(1)), "ADDED a") << query;
  }
}

TEST_F(WatchApi, AWatchListEndsItsInitialEventsWithABookmark) {
  for (int i = 0; i < 250; ++i) Create(Actor("n" + std::to_string(i)));
  const auto watch =
      Watch("timeoutSeconds=60&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan");
  auto events = watch->Events(251);
  ASSERT_EQ(events.size(), 251U);
  EXPECT_EQ(Of(events[249], "/type"), "ADDED");
  EXPECT_EQ(Of(events[250], "/type"), "BOOKMARK");
  EXPECT_EQ(Of(events[250], "/object/metadata/annotations/k8s.io~1initial-events-end"), "true");
  EXPECT_EQ(Of(events[250], "/object/metadata/resourceVersion"), Head());
  EXPECT_EQ(Of(events[250], "/object/kind"), "AsyncActor");
  Create(Actor("live"));
  EXPECT_EQ(Of(watch->Events(252).back(), "/object/metadata/name"), "live");
}

TEST_F(WatchApi, AWatchListWaitsForARevisionThatIsAhead) {
  Open(Waiting(std::chrono::minutes(10)));
  const auto watch =
      Watch("timeoutSeconds=600&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan" +
            ("&resourceVersion=" + Ahead()));
  AwaitRevisionWaits(1);
  Create(Actor("a"));
  EXPECT_EQ(Summary(watch->Events(2)), "ADDED a, BOOKMARK");
}

TEST_F(WatchApi, AWatchListWithAFutureRevisionIsToldInTheStream) {
  Open(Waiting(std::chrono::milliseconds(1)));
  const auto watch =
      Watch("sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&resourceVersion=999999");
  const auto events = watch->ToEnd();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(Of(events[0], "/type"), "ERROR");
  EXPECT_EQ(Of(events[0], "/object/code"), "504");
}

TEST_F(WatchApi, AnOldRevisionIsExpiredInTheStream) {
  const std::string old = Create(Actor("a")).At("/metadata/resourceVersion");
  Create(Actor("b"));
  ASSERT_TRUE(store_.Compact(store_.Head().value()).ok());
  const auto watch = Watch("resourceVersion=" + old);
  const auto events = watch->ToEnd();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(Of(events[0], "/type"), "ERROR");
  EXPECT_EQ(Of(events[0], "/object/code"), "410");
  EXPECT_EQ(Of(events[0], "/object/reason"), "Expired");
}

TEST_F(WatchApi, ObjectsEnterAndLeaveASelector) {
  const auto watch = Watch("timeoutSeconds=60&labelSelector=on%3Dyes&resourceVersion=" + Head());
  Create(Actor("a"));
  Merge(Path("a"), R"({"metadata":{"labels":{"on":"yes"}}})");
  Merge(Path("a"), R"({"spec":{"image":"i:2"}})");
  const std::string left = Merge(Path("a"), R"({"metadata":{"labels":{"on":"no"}}})").At("/metadata/resourceVersion");
  Send("DELETE", Path("a"));
  Create(Actor("b"));
  Merge(Path("b"), R"({"metadata":{"labels":{"on":"yes"}}})");
  const auto events = watch->Events(4);
  EXPECT_EQ(Summary(events), "ADDED a, MODIFIED a, DELETED a, ADDED b");
  EXPECT_EQ(Of(events[2], "/object/metadata/labels/on"), "yes") << "the content before it left";
  EXPECT_EQ(Of(events[2], "/object/metadata/resourceVersion"), left) << "the revision of leaving";
}

TEST_F(WatchApi, AFieldSelectorOrANameWatchesOneObject) {
  const auto by_field = Watch("timeoutSeconds=60&fieldSelector=metadata.name%3Db&resourceVersion=" + Head());
  const auto by_name = Watch("timeoutSeconds=60&resourceVersion=" + Head(), {}, Path("b"));
  Create(Actor("a"));
  Create(Actor("b"));
  EXPECT_EQ(Summary(by_field->Events(1)), "ADDED b");
  EXPECT_EQ(Summary(by_name->Events(1)), "ADDED b");
}

TEST_F(WatchApi, TablesTellTheirColumnsOnce) {
  const auto watch = Watch("timeoutSeconds=60&resourceVersion=" + Head(),
                           {{"Accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}});
  Create(Actor("a"));
  Create(Actor("b"));
  const auto events = watch->Events(2);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(Of(events[0], "/object/kind"), "Table");
  EXPECT_EQ(Of(events[0], "/object/columnDefinitions/0/name"), "Name");
  EXPECT_EQ(Of(events[1], "/object/columnDefinitions"), "[]");
  EXPECT_EQ(Of(events[1], "/object/rows/0/cells/0"), "b");
  EXPECT_NE(Of(events[1], "/object/rows/0/object/metadata/resourceVersion"), "(absent)");
}

TEST_F(WatchApi, PartialObjectsAreWatchedToo) {
  const auto watch = Watch("timeoutSeconds=60&resourceVersion=" + Head(),
                           {{"Accept", "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"}});
  Create(Actor("a"));
  const auto events = watch->Events(1);
  EXPECT_EQ(Of(events.at(0), "/object/kind"), "PartialObjectMetadata");
  EXPECT_EQ(Of(events.at(0), "/object/spec"), "(absent)");
}

// Three of these are more than a stream holds unsent.
json::Value LargeActor(const std::string& name, char filling) {
  return Actor(name, R"({"image":"i:1","handler":"m.f","env":[{"name":"LARGE","value":")" +
                         std::string(1'500'000, filling) + R"("}]})");
}

TEST_F(WatchApi, AWatchListOfLargeObjectsComesToItsEnd) {
  for (const char* name : {"a", "b", "c"}) ASSERT_EQ(Create(LargeActor(name, 'x')).status, 201);
  const auto watch =
      Watch("timeoutSeconds=60&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan");
  EXPECT_EQ(Summary(watch->Events(4)), "ADDED a, ADDED b, ADDED c, BOOKMARK");
}

TEST_F(WatchApi, AWatchFromThePastTellsOfLargeObjects) {
  for (const char* name : {"a", "b", "c"}) ASSERT_EQ(Create(LargeActor(name, 'x')).status, 201);
  const std::string before_the_updates = Head();
  for (const char* name : {"a", "b", "c"}) {
    ASSERT_EQ(Merge(Path(name), R"({"spec":{"image":"i:2"}})").status, 200);
  }
  EXPECT_EQ(Summary(Watch("timeoutSeconds=60&resourceVersion=" + before_the_updates)->Events(3)),
            "MODIFIED a, MODIFIED b, MODIFIED c");
}

TEST_F(WatchApi, BookmarksFollowTheLogAndTheTimeoutEndsCleanly) {
  ApiServerSettings settings;
  settings.watch.bookmark_interval = std::chrono::milliseconds(20);
  Open(settings);
  const auto watch = Watch("timeoutSeconds=60&allowWatchBookmarks=true&resourceVersion=" + Head());
  const auto events = watch->Events(1);
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(Of(events[0], "/type"), "BOOKMARK");
  EXPECT_EQ(Of(events[0], "/object/metadata/annotations"), "(absent)");
  EXPECT_EQ(Summary(Watch("timeoutSeconds=1&resourceVersion=" + Head())->ToEnd()), "") << "no bookmark unasked";
}

TEST_F(WatchApi, BadParametersAreAnsweredBeforeTheStream) {
  const auto status = [this](const std::string& query) {
    return Get(std::string(kActors) + "?watch=1&" + query).status;
  };
  EXPECT_EQ(status("resourceVersion=abc"), 400);
  EXPECT_EQ(status("sendInitialEvents=true"), 422);
  EXPECT_EQ(status("resourceVersionMatch=NotOlderThan"), 422);
  EXPECT_EQ(status("labelSelector=%3D%3D"), 400);
  EXPECT_EQ(status("timeoutSeconds=-1"), 400);
}

TEST_F(WatchApi, StoppingEndsWatchesCleanly) {
  const auto watch = Watch("timeoutSeconds=60&resourceVersion=" + Head());
  Create(Actor("a"));
  watch->Events(1);
  Shut();
  EXPECT_EQ(Summary(watch->ToEnd()), "ADDED a");
}

TEST_F(WatchApi, ManyWatchersSeeTheSameInTheSameOrder) {
  std::vector<std::unique_ptr<TestWatch>> watches;
  watches.reserve(10);
  for (int i = 0; i < 10; ++i) watches.push_back(Watch("timeoutSeconds=60&resourceVersion=" + Head()));
  for (int i = 0; i < 20; ++i) Create(Actor("n" + std::to_string(i)));
  const std::string first = Summary(watches[0]->Events(20));
  for (const auto& watch : watches) EXPECT_EQ(Summary(watch->Events(20)), first);
}

}  // namespace
}  // namespace asya::apiserver
