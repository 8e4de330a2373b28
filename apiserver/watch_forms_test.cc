// What a watch sends in each form that a client may ask for, and that bookmarks come through every filter.
#include "apiserver/test_watch.h"

namespace asya::apiserver {
namespace {

constexpr const char* kWatchList =
    "timeoutSeconds=60&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan";
constexpr const char* kAllNamespaces = "/apis/asya.sh/v1alpha1/asyncactors";

HeaderList Form(const std::string& as, const std::string& version = "v1") {
  return {{"Accept", "application/json;as=" + as + ";v=" + version + ";g=meta.k8s.io,application/json"}};
}

// The metadata of a bookmark, wherever its form has it.
std::string BookmarkMember(const json::Value& event, const std::string& member) {
  const bool table = Of(event, "/object/kind") == "Table";
  return Of(event, ((table ? "/object/rows/0/object/metadata/" : "/object/metadata/") + member).c_str());
}

struct Case {
  const char* name;
  const char* path;
  std::string query;
  HeaderList headers;
  std::size_t initial;  // events before the bookmark
};

class WatchListForms : public WatchApi, public testing::WithParamInterface<Case> {};

// An informer whose watch never sends this bookmark hangs for ever.
TEST_P(WatchListForms, EndsItsInitialEventsWithABookmark) {
  Create(Actor("a"));
  Merge(Path("a"), R"({"metadata":{"labels":{"on":"yes"}}})");
  Create(Actor("b"));
  const Case& form = GetParam();
  const std::string head = Head();
  const auto watch = Watch(kWatchList + form.query, form.headers, form.path);
  const auto events = watch->Events(form.initial + 1);
  ASSERT_EQ(events.size(), form.initial + 1);
  for (std::size_t i = 0; i < form.initial; ++i) EXPECT_EQ(Of(events[i], "/type"), "ADDED");
  EXPECT_EQ(Of(events.back(), "/type"), "BOOKMARK");
  EXPECT_EQ(BookmarkMember(events.back(), "annotations/k8s.io~1initial-events-end"), "true");
  EXPECT_EQ(BookmarkMember(events.back(), "resourceVersion"), head);
}

INSTANTIATE_TEST_SUITE_P(
    Forms, WatchListForms,
    testing::Values(Case{"object", kActors, "", {}, 2}, Case{"all_namespaces", kAllNamespaces, "", {}, 2},
                    Case{"by_label", kActors, "&labelSelector=on%3Dyes", {}, 1},
                    Case{"by_label_none", kActors, "&labelSelector=on%3Dno", {}, 0},
                    Case{"by_name", kActors, "&fieldSelector=metadata.name%3Db", {}, 1},
                    Case{"contradictory", kActors, "&fieldSelector=metadata.name%3Da,metadata.name%3Db", {}, 0},
                    Case{"empty", "/apis/asya.sh/v1alpha1/flavors", "", {}, 0},
                    Case{"empty_namespace", "/apis/asya.sh/v1alpha1/namespaces/none/flows", "", {}, 0},
                    Case{"table", kActors, "", Form("Table"), 2},
                    Case{"table_v1beta1", kActors, "", Form("Table", "v1beta1"), 2},
                    Case{"table_empty", kActors, "&labelSelector=on%3Dno", Form("Table"), 0},
                    Case{"table_without_objects", kActors, "&includeObject=None", Form("Table"), 2},
                    Case{"table_with_objects", kActors, "&includeObject=Object", Form("Table"), 2},
                    Case{"metadata", kActors, "", Form("PartialObjectMetadata"), 2},
                    Case{"metadata_v1beta1", kActors, "", Form("PartialObjectMetadata", "v1beta1"), 2},
                    Case{"metadata_by_label", kActors, "&labelSelector=on%3Dyes", Form("PartialObjectMetadata"), 1},
                    Case{"metadata_list", kActors, "", Form("PartialObjectMetadataList"), 2}),
    [](const auto& one) { return one.param.name; });

TEST_F(WatchApi, InformersOfMetadataWatchInTheFormOfOneObject) {
  const auto watch = Watch("timeoutSeconds=60&resourceVersion=" + Head(), Form("PartialObjectMetadata", "v1beta1"));
  Create(Actor("a"));
  const auto events = watch->Events(1);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(Of(events[0], "/object/kind"), "PartialObjectMetadata");
  EXPECT_EQ(Of(events[0], "/object/apiVersion"), "meta.k8s.io/v1beta1");
  EXPECT_EQ(Of(events[0], "/object/spec"), "(absent)");
}

TEST_F(WatchApi, ATableTellsTheRevisionOfItsObject) {
  const auto watch = Watch("timeoutSeconds=60&resourceVersion=" + Head(), Form("Table"));
  const std::string revision = Create(Actor("a")).At("/metadata/resourceVersion");
  EXPECT_EQ(Of(watch->Events(1).at(0), "/object/metadata/resourceVersion"), revision);
  EXPECT_EQ(Get(Path("a"), Form("Table")).At("/metadata/resourceVersion"), revision);
}

TEST_F(WatchApi, AnErrorInATableStreamIsAStatus) {
  const std::string old = Create(Actor("a")).At("/metadata/resourceVersion");
  Create(Actor("b"));
  ASSERT_TRUE(store_.Compact(store_.Head().value()).ok());
  for (const char* as : {"Table", "PartialObjectMetadata"}) {
    const auto events = Watch("resourceVersion=" + old, Form(as))->ToEnd();
    ASSERT_EQ(events.size(), 1U) << as;
    EXPECT_EQ(Of(events[0], "/type"), "ERROR");
    EXPECT_EQ(Of(events[0], "/object/kind"), "Status");
    EXPECT_EQ(Of(events[0], "/object/code"), "410");
    EXPECT_EQ(Of(events[0], "/object/message").rfind("too old resource version: " + old, 0), 0U);
  }
}

TEST_F(WatchApi, AWatchListFromTheFutureNamesTheCause) {
  Open(Waiting(std::chrono::milliseconds(1)));
  const auto events = Watch(std::string(kWatchList) + "&resourceVersion=999999", Form("Table"))->ToEnd();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(Of(events[0], "/object/reason"), "Timeout");
  EXPECT_EQ(Of(events[0], "/object/details/causes/0/reason"), "ResourceVersionTooLarge");
  EXPECT_EQ(Of(events[0], "/object/details/retryAfterSeconds"), "1");
}

// A plain watch from a revision that is still ahead stays silent, as kube-apiserver's does.
TEST_F(WatchApi, APlainWatchFromTheFutureWaitsForIt) {
  const std::string ahead = std::to_string(store_.Head().value().get() + 2);
  const auto watch = Watch("timeoutSeconds=60&resourceVersion=" + ahead);
  Create(Actor("a"));
  Create(Actor("b"));
  Create(Actor("c"));
  EXPECT_EQ(Summary(watch->Events(1)), "ADDED c");
}

TEST_F(WatchApi, TransitionsOfASelectorCarryTheRightContentsInEveryForm) {
  const auto watch =
      Watch("timeoutSeconds=60&labelSelector=on%3Dyes&includeObject=Object&resourceVersion=" + Head(), Form("Table"));
  Create(Actor("a"));
  const std::string in = Merge(Path("a"), R"({"metadata":{"labels":{"on":"yes"}}})").At("/metadata/resourceVersion");
  const std::string out =
      Merge(Path("a"), R"({"metadata":{"labels":{"on":"no"}},"spec":{"image":"i:2"}})").At("/metadata/resourceVersion");
  const auto events = watch->Events(2);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(Of(events[0], "/type") + Of(events[0], "/object/rows/0/object/metadata/resourceVersion"), "ADDED" + in);
  EXPECT_EQ(Of(events[1], "/type") + Of(events[1], "/object/rows/0/object/metadata/resourceVersion"), "DELETED" + out);
  EXPECT_EQ(Of(events[1], "/object/rows/0/object/spec/image"), "i:1") << "as it was while it matched";
}

TEST_F(WatchApi, BookmarksOfAFilteredWatchFollowTheLog) {
  ApiServerSettings settings;
  settings.watch.bookmark_interval = std::chrono::milliseconds(20);
  Open(settings);
  const auto watch =
      Watch("timeoutSeconds=60&allowWatchBookmarks=true&labelSelector=on%3Dyes&resourceVersion=" + Head(),
            Form("PartialObjectMetadata"));
  const std::string revision = Create(Actor("a")).At("/metadata/resourceVersion");
  for (std::size_t count = 1;; ++count) {
    const auto events = watch->Events(count);  // and what came since
    ASSERT_GE(events.size(), count) << "no bookmark reached " << revision;
    const json::Value& event = events[count - 1];
    ASSERT_EQ(Of(event, "/type"), "BOOKMARK") << "the object does not match";
    EXPECT_EQ(Of(event, "/object/kind"), "PartialObjectMetadata");
    if (Of(event, "/object/metadata/resourceVersion") == revision) return;
  }
}

}  // namespace
}  // namespace asya::apiserver
