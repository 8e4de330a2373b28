// The mirror gives what a plain list of the same objects gives, and says so when it cannot.
#include "storage/mirror.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <thread>

#include "core/base/random.h"

namespace asya::storage {
namespace {

using ports::Event;
using ports::ListQuery;
using ports::Page;
using ports::Record;
using ports::Revision;

constexpr std::size_t kBytes = 1U << 20U;
constexpr std::chrono::milliseconds kAtOnce{0};
constexpr std::chrono::milliseconds kPatience{30'000};

Record MakeRecord(const std::string& namespace_, const std::string& name, std::int64_t revision) {
  Record record;
  record.key = {"asyncactors", namespace_, name};
  record.uid = "u";
  record.revision = Revision(revision);
  record.labels = {{"name", name}};
  record.json = std::make_shared<const std::string>(R"({"metadata":{}})");
  return record;
}

Event MakeEvent(Event::Type type, const std::string& namespace_, const std::string& name, std::int64_t revision) {
  return Event{type, MakeRecord(namespace_, name, revision), nullptr};
}

std::vector<std::string> Names(const Page& page) {
  std::vector<std::string> names;
  for (const Record& record : page.items) names.push_back(record.key.namespace_ + "/" + record.key.name);
  return names;
}

TEST(Mirror, ListsShareTheirRecords) {
  Mirror mirror(kBytes);
  mirror.Fill({MakeRecord("a", "x", 3)}, Revision(5));
  const auto one = mirror.List({"asyncactors", {}, {}, 0, {}, {}});
  const auto two = mirror.List({"asyncactors", {}, {}, 0, {}, {}});
  EXPECT_EQ(&one->items.front(), &two->items.front());
  mirror.Apply(std::vector<Event>{MakeEvent(Event::Type::kDeleted, "a", "x", 6)}, Revision(6));
  EXPECT_EQ(one->items.front().revision, Revision(3)) << "it stays what it was";
}

TEST(Mirror, IsEmptyHandedUntilItIsFilledAndAgainWhenItHasForgotten) {
  Mirror mirror(kBytes);
  EXPECT_TRUE(mirror.Wanted());
  EXPECT_FALSE(mirror.Reach(Revision(0), kAtOnce));
  EXPECT_FALSE(mirror.Get({"asyncactors", "a", "x"}).has_value());
  mirror.Fill({MakeRecord("a", "x", 3)}, Revision(5));
  EXPECT_FALSE(mirror.Wanted());
  EXPECT_TRUE(mirror.Reach(Revision(5), kAtOnce));
  EXPECT_FALSE(mirror.Reach(Revision(6), kAtOnce));
  EXPECT_EQ(mirror.Get({"asyncactors", "a", "x"})->value().revision, Revision(3));
  EXPECT_EQ(mirror.Get({"asyncactors", "a", "y"})->error().code, ErrorCode::kNotFound);
  EXPECT_EQ(mirror.Get({"flavors", "", "y"})->error().code, ErrorCode::kNotFound);
  mirror.Forget();
  EXPECT_TRUE(mirror.Wanted());
  EXPECT_FALSE(mirror.List({"asyncactors", {}, {}, 0, {}, {}}).has_value());
}

TEST(Mirror, IgnoresWhatItHasSeenAndGoesToTheEndOfTheLog) {
  Mirror mirror(kBytes);
  mirror.Fill({MakeRecord("a", "x", 5)}, Revision(5));
  const std::vector<Event> events{MakeEvent(Event::Type::kDeleted, "a", "x", 4),
                                  MakeEvent(Event::Type::kAdded, "a", "y", 6),
                                  MakeEvent(Event::Type::kDeleted, "a", "y", 7)};
  mirror.Apply(events, Revision(9));
  EXPECT_TRUE(mirror.Reach(Revision(9), kAtOnce));
  const auto page = mirror.List({"asyncactors", {}, {}, 0, {}, {}});
  EXPECT_EQ(Names(*page), (std::vector<std::string>{"a/x"}));
  EXPECT_EQ(page->revision, Revision(9));
}

TEST(Mirror, WhoWaitsIsWoken) {
  Mirror mirror(kBytes);
  mirror.Fill({}, Revision(1));
  std::thread later([&] { mirror.Apply(std::vector{MakeEvent(Event::Type::kAdded, "a", "x", 2)}, Revision(2)); });
  EXPECT_TRUE(mirror.Reach(Revision(2), kPatience));
  later.join();
  std::thread never([&] { mirror.Forget(); });
  EXPECT_FALSE(mirror.Reach(Revision(3), kPatience));
  never.join();
}

TEST(Mirror, OutgrownItIsEmptyHanded) {
  Mirror mirror(4 * sizeof(Record));
  mirror.Fill({MakeRecord("a", "x", 1)}, Revision(1));
  EXPECT_TRUE(mirror.Reach(Revision(1), kAtOnce));
  std::vector<Event> events;
  for (int n = 0; n < 4; ++n) events.push_back(MakeEvent(Event::Type::kAdded, "a", std::to_string(n), n + 2));
  mirror.Apply(events, Revision(5));
  EXPECT_FALSE(mirror.Reach(Revision(1), kAtOnce));
  EXPECT_FALSE(mirror.Wanted());
  EXPECT_FALSE(Mirror(0).Wanted());
}

TEST(Mirror, IsWantedAgainWhenThereIsRoom) {
  Mirror mirror(6 * sizeof(Record));
  std::vector<Record> records;
  for (int i = 1; i <= 6; ++i) records.push_back(MakeRecord("a", "n" + std::to_string(i), i));
  mirror.Fill(records, Revision(6));
  ASSERT_FALSE(mirror.Wanted());
  // A write of what is there leaves as little room as before.
  Event update = MakeEvent(Event::Type::kModified, "a", "n1", 7);
  update.previous = std::make_shared<const Record>(records[0]);
  mirror.Apply(std::vector<Event>{update}, Revision(7));
  std::int64_t revision = 7;
  for (const char* name : {"n1", "n2", "n3", "n4"}) {
    EXPECT_FALSE(mirror.Wanted()) << name;
    mirror.Apply(std::vector<Event>{MakeEvent(Event::Type::kDeleted, "a", name, ++revision)}, Revision(revision));
  }
  EXPECT_TRUE(mirror.Wanted()) << "less than half is left";
  mirror.Fill({records[4], records[5]}, Revision(revision));
  EXPECT_TRUE(mirror.Reach(Revision(revision), kAtOnce));
}

TEST(Mirror, PagesAreThoseOfAPlainList) {
  Random random(7);
  const std::vector<std::string> words{"a", "a-b", "aa", "b", "z"};
  const auto word = [&] { return words[static_cast<std::size_t>(random.Between(0, 4))]; };
  for (int round = 0; round < 200; ++round) {
    std::map<std::pair<std::string, std::string>, Record> all;
    for (int n = 0; n < 12; ++n) {
      const Record record = MakeRecord(word(), word(), n + 1);
      all[{record.key.namespace_, record.key.name}] = record;
    }
    std::vector<Record> records;
    for (const auto& [place, record] : all) records.push_back(record);
    Mirror mirror(kBytes);
    mirror.Fill(records, Revision(20));
    ListQuery query{"asyncactors", {}, {}, random.Between(0, 4), {}, {}};
    if (random.Between(0, 1) == 1) query.namespace_ = word();
    if (random.Between(0, 1) == 1) query.after = ports::ObjectKey{"asyncactors", word(), word()};
    if (random.Between(0, 2) == 0) query.selector.name = word();
    std::vector<std::string> wanted;
    for (const Record& record : records) {
      if (query.namespace_ && record.key.namespace_ != *query.namespace_) continue;
      if (query.after &&
          std::pair(record.key.namespace_, record.key.name) <= std::pair(query.after->namespace_, query.after->name)) {
        continue;
      }
      if (query.selector.Matches(record)) wanted.push_back(record.key.namespace_ + "/" + record.key.name);
    }
    const auto size = static_cast<std::int64_t>(wanted.size());
    const bool more = query.limit > 0 && size > query.limit;
    if (more) wanted.resize(static_cast<std::size_t>(query.limit));
    const Page page = mirror.List(query).value();
    EXPECT_EQ(Names(page), wanted) << round;
    EXPECT_EQ(page.more, more) << round;
    if (!more || !query.selector.empty()) continue;
    EXPECT_EQ(page.remaining, size - query.limit) << round;
  }
}

// All pages of two, each as of the first one.
std::vector<std::string> Pages(const Mirror& mirror, ListQuery query, const std::function<void()>& between) {
  query.limit = 2;
  std::vector<std::string> names;
  for (;;) {
    const auto page = mirror.List(query);
    if (!page) return {"gone"};
    for (std::string& name : Names(*page)) names.push_back(std::move(name));
    if (!page->more) return names;
    query.after = page->items.back().key;
    query.at = page->revision;
    between();
  }
}

TEST(Mirror, LaterPagesShowWhatThereWasAtTheFirst) {
  Mirror mirror(kBytes);
  std::vector<Record> records;
  for (const char* name : {"a", "b", "c", "d", "e"}) records.push_back(MakeRecord("n", name, 1));
  records.push_back(MakeRecord("other", "x", 1));
  mirror.Fill(records, Revision(1));
  std::int64_t revision = 1;
  const auto change = [&] {
    ++revision;
    mirror.Apply(std::vector{MakeEvent(Event::Type::kDeleted, "n", "d", revision)}, Revision(revision));
    ++revision;
    mirror.Apply(std::vector{MakeEvent(Event::Type::kModified, "n", "e", revision)}, Revision(revision));
  };
  ListQuery all{"asyncactors", {}, {}, 0, {}, {}};
  EXPECT_EQ(Pages(mirror, all, change), (std::vector<std::string>{"n/a", "n/b", "n/c", "n/d", "n/e", "other/x"}));
  EXPECT_EQ(Pages(mirror, all, change), (std::vector<std::string>{"n/a", "n/b", "n/c", "n/e", "other/x"}));
  ListQuery one = all;
  one.namespace_ = "n";
  EXPECT_EQ(Pages(mirror, one, change), (std::vector<std::string>{"n/a", "n/b", "n/c", "n/e"}));
  one.selector.names_excluded = {"c"};
  EXPECT_EQ(Pages(mirror, one, change), (std::vector<std::string>{"n/a", "n/b", "n/e"}));
  EXPECT_EQ(Pages(mirror, all, [&] { change(), mirror.Compact(Revision(revision)); }),
            std::vector<std::string>{"gone"});
}

TEST(Mirror, KeepsNoMoreOfListsThanOfObjects) {
  Mirror mirror(6 * sizeof(Record));  // two objects and what they hold, but not two lists of them
  mirror.Fill({MakeRecord("n", "a", 1), MakeRecord("n", "b", 1)}, Revision(1));
  const auto second = [&](std::int64_t at) {
    return mirror.List({"asyncactors", {}, {}, 1, ports::ObjectKey{"asyncactors", "n", "a"}, Revision(at)}).has_value();
  };
  for (std::int64_t revision = 2; revision <= 5; ++revision) {
    ASSERT_TRUE(mirror.List({"asyncactors", {}, {}, 1, {}, {}})->more);
    mirror.Apply(std::vector{MakeEvent(Event::Type::kModified, "n", "b", revision)}, Revision(revision));
  }
  EXPECT_TRUE(second(4));
  EXPECT_FALSE(second(1));
}

TEST(Mirror, KeepsTheListsThatWereBegunLast) {
  constexpr std::int64_t kBegun = 20;
  Mirror mirror(kBytes);
  mirror.Fill({MakeRecord("n", "a", 1), MakeRecord("n", "b", 1)}, Revision(1));
  ListQuery first{"asyncactors", {}, {}, 1, {}, {}};
  for (std::int64_t revision = 2; revision <= kBegun; ++revision) {
    EXPECT_TRUE(mirror.List(first)->more);
    mirror.Apply(std::vector{MakeEvent(Event::Type::kModified, "n", "b", revision)}, Revision(revision));
  }
  const auto second = [&](std::int64_t at) {
    return mirror.List({"asyncactors", {}, {}, 1, ports::ObjectKey{"asyncactors", "n", "a"}, Revision(at)});
  };
  ASSERT_TRUE(second(kBegun - 1).has_value());
  EXPECT_EQ(second(kBegun - 1)->items.at(0).revision, Revision(kBegun - 1));
  EXPECT_FALSE(second(2).has_value()) << "others came after it";
  EXPECT_FALSE(second(kBegun + 1).has_value()) << "not yet there";
}

}  // namespace
}  // namespace asya::storage
