#include <atomic>
#include <chrono>
#include <thread>

#include "storage/conformance/object_store_suite.h"

namespace asya::storage::conformance {
namespace {

using ports::LabelRequirement;
using ports::ListQuery;
using ports::Page;
using ports::Record;
using ports::Revision;
using NameList = std::vector<std::string>;

ListQuery All(std::int64_t limit = 0) {
  ListQuery query;
  query.resource = "asyncactors";
  query.limit = limit;
  return query;
}

// Reads the rest of a list page by page at the revision of `first`.
ports::Records Rest(ports::ObjectStore& store, ListQuery query, const Page& first) {
  ports::Records records = first.items;
  bool more = first.more;
  while (more) {
    query.after = records.back().key;
    query.at = first.revision;
    const auto page = store.List(query);
    if (!page.ok()) {
      ADD_FAILURE() << page.error().message;
      return records;
    }
    EXPECT_EQ(page->revision, first.revision);
    EXPECT_FALSE(page->items.empty());
    if (page->items.empty()) return records;
    for (const Record& record : page->items) records.push_back(record);
    more = page->more;
  }
  return records;
}

TEST_P(ObjectStoreSuite, AnEmptyListHasTheRevisionOfTheHead) {
  const auto page = store().List(All());
  ASSERT_TRUE(page.ok());
  EXPECT_TRUE(page->items.empty());
  EXPECT_FALSE(page->more);
  EXPECT_EQ(page->revision, Head());
}

TEST_P(ObjectStoreSuite, AListIsSortedByNamespaceThenNameInByteOrder) {
  MustCreate("b", "a");
  MustCreate("a", "z");
  MustCreate("a", "b-1");
  MustCreate("a", "b");
  MustCreate("a-b", "a");
  const auto page = store().List(All());
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(Names(page->items), (NameList{"a/b", "a/b-1", "a/z", "a-b/a", "b/a"}));
  EXPECT_EQ(page->revision, Head());
  ListQuery one = All();
  one.namespace_ = "a";
  EXPECT_EQ(Names(store().List(one)->items), (NameList{"a/b", "a/b-1", "a/z"}));
  one.resource = "flows";
  EXPECT_TRUE(store().List(one)->items.empty());
}

TEST_P(ObjectStoreSuite, AListCarriesWholeRecords) {
  const Record created = MustCreate("default", "prep", {{"app", "demo"}});
  const auto page = store().List(All());
  ASSERT_EQ(page->items.size(), 1U);
  EXPECT_EQ(page->items[0].uid, created.uid);
  EXPECT_EQ(page->items[0].revision, created.revision);
  EXPECT_EQ(page->items[0].labels, created.labels);
  EXPECT_EQ(*page->items[0].json, *created.json);
}

TEST_P(ObjectStoreSuite, PagesCountWhatRemains) {
  for (const char* name : {"a", "b", "c", "d", "e"}) MustCreate("default", name);
  const auto first = store().List(All(2));
  EXPECT_EQ(Names(first->items), (NameList{"default/a", "default/b"}));
  EXPECT_TRUE(first->more);
  EXPECT_EQ(first->remaining, 3);
  ListQuery next = All(3);
  next.after = first->items.back().key;
  next.at = first->revision;
  const auto last = store().List(next);
  EXPECT_EQ(Names(last->items), (NameList{"default/c", "default/d", "default/e"}));
  EXPECT_FALSE(last->more);
  EXPECT_FALSE(last->remaining.has_value());
}

TEST_P(ObjectStoreSuite, LaterPagesShowTheRevisionOfTheFirst) {
  for (const char* name : {"a", "b", "c", "d", "e"}) MustCreate("default", name);
  MustUpdate("default", "c", 2);
  const auto first = store().List(All(1));
  ASSERT_TRUE(first.ok());
  MustUpdate("default", "c", 3);
  MustUpdate("default", "c", 4);
  MustDelete("default", "d");
  MustDelete("default", "e");
  Record again = MakeRecord("default", "e", 9);
  again.uid = "second-uid";
  ASSERT_TRUE(store().Create(again, kAuthor).ok());
  MustCreate("default", "bb");
  MustDelete("default", "bb");
  MustCreate("default", "f");
  const auto records = Rest(store(), All(1), *first);
  EXPECT_EQ(Names(records), (NameList{"default/a", "default/b", "default/c", "default/d", "default/e"}));
  ASSERT_EQ(records.size(), 5U);
  EXPECT_EQ(*records[2].json, *MakeRecord("default", "c", 2).json);
  EXPECT_EQ(records[4].uid, "uid-default-e");
  for (const auto& record : records) EXPECT_LE(record.revision, first->revision);
}

TEST_P(ObjectStoreSuite, PagesOfOneNamespaceStayInIt) {
  for (const char* place : {"a", "b", "c"}) {
    for (const char* name : {"x", "y", "z"}) MustCreate(place, name);
  }
  ListQuery query = All(2);
  query.namespace_ = "b";
  const auto first = store().List(query);
  EXPECT_EQ(Names(first->items), (NameList{"b/x", "b/y"}));
  EXPECT_EQ(first->remaining, 1);
  MustUpdate("b", "z", 2);
  MustDelete("c", "x");
  EXPECT_EQ(Names(Rest(store(), query, *first)), (NameList{"b/x", "b/y", "b/z"}));
  query.after = ports::ObjectKey{"asyncactors", "a", "z"};
  EXPECT_EQ(Names(store().List(query)->items), (NameList{"b/x", "b/y"}));
  query.after = ports::ObjectKey{"asyncactors", "c", "x"};
  EXPECT_TRUE(store().List(query)->items.empty());
}

TEST_P(ObjectStoreSuite, RemainingIsThatOfThePagesRevision) {
  for (const char* name : {"a", "b", "c", "d"}) MustCreate("default", name);
  const auto first = store().List(All(1));
  MustDelete("default", "d");
  MustCreate("default", "e");
  MustCreate("default", "f");
  ListQuery next = All(1);
  next.after = first->items.back().key;
  next.at = first->revision;
  EXPECT_EQ(store().List(next)->remaining, 2);
}

TEST_P(ObjectStoreSuite, PagesAreConsistentUnderConcurrentWrites) {
  constexpr int kObjects = 40;
  for (int i = 0; i < kObjects; ++i) MustCreate("default", "n" + std::to_string(100 + i));
  std::atomic<bool> stop = false;
  // Every write sets the generation of all objects in turn, so a consistent list never shows a generation that grows
  // with the name.
  std::thread writer([&] {
    for (int generation = 2; !stop; ++generation) {
      for (int i = 0; i < kObjects && !stop; ++i) MustUpdate("default", "n" + std::to_string(100 + i), generation);
    }
  });
  for (int round = 0; round < 20; ++round) {
    const auto first = store().List(All(7));
    ASSERT_TRUE(first.ok());
    const auto records = Rest(store(), All(7), *first);
    ASSERT_EQ(records.size(), static_cast<std::size_t>(kObjects));
    std::vector<std::string> bodies;
    for (const auto& record : records) {
      const auto start = record.json->find("generation\":") + 12;
      bodies.push_back(record.json->substr(start));
      EXPECT_LE(record.revision, first->revision);
    }
    const auto number = [](const std::string& text) { return std::stoi(text); };
    for (std::size_t i = 1; i < bodies.size(); ++i) EXPECT_LE(number(bodies[i]), number(bodies[i - 1])) << i;
    EXPECT_LE(number(bodies.front()) - number(bodies.back()), 1);
  }
  stop = true;
  writer.join();
}

TEST_P(ObjectStoreSuite, AListAtACompactedRevisionIsExpired) {
  for (const char* name : {"a", "b", "c"}) MustCreate("default", name);
  const auto first = store().List(All(1));
  MustUpdate("default", "b", 2);
  MustUpdate("default", "b", 3);
  ListQuery next = All(1);
  next.after = first->items.back().key;
  next.at = first->revision;
  ASSERT_TRUE(store().Compact(first->revision).ok());
  EXPECT_EQ(*store().List(next)->items.at(0).json, *MakeRecord("default", "b", 1).json)
      << "still whole at the revision itself";
  ASSERT_TRUE(store().Compact(Revision(first->revision.get() + 1)).ok());
  const auto expired = store().List(next);
  ASSERT_FALSE(expired.ok());
  EXPECT_EQ(expired.error().code, ErrorCode::kExpired);
  EXPECT_EQ(store().List(All())->items.size(), 3U) << "objects stay";
}

TEST_P(ObjectStoreSuite, ReadsOfAnyStateFromARevisionOnAreNotOlder) {
  MustCreate("default", "a");
  const Revision changed = MustUpdate("default", "a", 2).revision;
  const ports::ObjectKey key{"asyncactors", "default", "a"};
  EXPECT_EQ(store().GetNotOlder(key, changed)->revision, changed);
  // Any state at all may be one before the object was made, until a read of now has waited for what shows it.
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (!store().GetNotOlder(key, Revision(0)).ok() && std::chrono::steady_clock::now() < until) {
    ASSERT_TRUE(store().Get(key).ok());
  }
  ASSERT_TRUE(store().GetNotOlder(key, Revision(0)).ok());
  EXPECT_EQ(store().GetNotOlder({"asyncactors", "default", "b"}, changed).error().code, ErrorCode::kNotFound);
  ListQuery query = All();
  query.not_older_than = changed;
  EXPECT_GE(store().List(query)->revision, changed);
  EXPECT_EQ(store().List(query)->items.at(0).revision, changed);
  EXPECT_TRUE(*store().Reached(changed));
  EXPECT_FALSE(*store().Reached(Revision(Head().get() + 1000)));
}

TEST_P(ObjectStoreSuite, AListOfTheFutureIsRefused) {
  ListQuery query = All();
  query.at = Revision(Head().get() + 1000);
  const auto page = store().List(query);
  ASSERT_FALSE(page.ok());
  EXPECT_EQ(page.error().code, ErrorCode::kInvalid);
}

TEST_P(ObjectStoreSuite, SelectorsFilterBeforeTheLimit) {
  MustCreate("a", "one", {{"tier", "gpu"}});
  MustCreate("a", "two", {{"tier", "cpu"}});
  MustCreate("a", "three");
  MustCreate("b", "four", {{"tier", "gpu"}, {"team", "x"}});
  const auto select = [&](LabelRequirement requirement, std::int64_t limit = 0) {
    ListQuery query = All(limit);
    query.selector.labels.push_back(std::move(requirement));
    auto page = store().List(query);
    EXPECT_FALSE(page->remaining.has_value());
    return *page;
  };
  using Operator = LabelRequirement::Operator;
  EXPECT_EQ(Names(select({"tier", Operator::kIn, {"gpu"}}).items), (NameList{"a/one", "b/four"}));
  EXPECT_EQ(Names(select({"tier", Operator::kNotIn, {"gpu"}}).items), (NameList{"a/three", "a/two"}));
  EXPECT_EQ(Names(select({"team", Operator::kExists, {}}).items), (NameList{"b/four"}));
  EXPECT_EQ(Names(select({"tier", Operator::kNotExists, {}}).items), (NameList{"a/three"}));
  const Page first = select({"tier", Operator::kExists, {}}, 2);
  EXPECT_EQ(Names(first.items), (NameList{"a/one", "a/two"}));
  EXPECT_TRUE(first.more);
  EXPECT_FALSE(select({"tier", Operator::kExists, {}}, 3).more);
}

TEST_P(ObjectStoreSuite, FieldSelectorsFilterByNameAndNamespace) {
  for (const char* name : {"one", "two"}) {
    MustCreate("a", name);
    MustCreate("b", name);
  }
  ListQuery by_name = All();
  by_name.selector.name = "one";
  EXPECT_EQ(Names(store().List(by_name)->items), (NameList{"a/one", "b/one"}));
  ListQuery excluded = All();
  excluded.selector.names_excluded = {"one"};
  excluded.selector.namespaces_excluded = {"b"};
  EXPECT_EQ(Names(store().List(excluded)->items), (NameList{"a/two"}));
}

}  // namespace
}  // namespace asya::storage::conformance
