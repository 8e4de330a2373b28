#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <thread>

#include "storage/conformance/object_store_suite.h"

namespace asya::storage::conformance {
namespace {

using ports::Event;
using ports::ObjectKey;
using ports::Record;
using ports::Revision;
using ports::WatchQuery;

const WatchQuery kActors{"asyncactors", std::nullopt};

// Blocks in its first call until it is let go.
class BlockingSink final : public RecordingSink {
 public:
  void OnEvents(std::span<const Event> events) override {
    entered_.Open();
    released_.Wait();
    RecordingSink::OnEvents(events);
  }
  void WaitUntilEntered() { entered_.Wait(); }
  void Release() { released_.Open(); }

 private:
  class Gate {
   public:
    void Open() {
      std::call_once(once_, [this] { promise_.set_value(); });
    }
    void Wait() const { future_.wait(); }

   private:
    std::promise<void> promise_;
    std::shared_future<void> future_ = promise_.get_future().share();
    std::once_flag once_;
  };
  Gate entered_;
  Gate released_;
};

TEST_P(ObjectStoreSuite, AWatchTellsEveryChangeInOrder) {
  const auto sink = std::make_shared<RecordingSink>();
  const auto watch = store().Watch(kActors, Head(), sink);
  ASSERT_TRUE(watch.ok()) << watch.error().message;
  const Record created = MustCreate("default", "prep", {{"a", "1"}});
  const Record updated = MustUpdate("default", "prep", 2);
  const Record deleted = MustDelete("default", "prep");
  const auto events = sink->WaitForEvents(3);
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0].type, Event::Type::kAdded);
  EXPECT_EQ(events[0].record.revision, created.revision);
  EXPECT_EQ(events[0].record.labels, created.labels);
  EXPECT_EQ(events[1].type, Event::Type::kModified);
  EXPECT_EQ(events[1].record.revision, updated.revision);
  EXPECT_EQ(*events[1].record.json, *updated.json);
  ASSERT_NE(events[1].previous, nullptr);
  EXPECT_EQ(events[1].previous->revision, created.revision);
  EXPECT_EQ(events[1].previous->labels, created.labels);
  EXPECT_EQ(*events[1].previous->json, *created.json);
  EXPECT_EQ(events[2].type, Event::Type::kDeleted);
  EXPECT_EQ(events[2].record.revision, deleted.revision);
  EXPECT_EQ(*events[2].record.json, *updated.json) << "a deletion carries the last state";
}

struct MeasuringSink final : RecordingSink {
  void OnEvents(std::span<const Event> events) override {
    at_once = std::max(at_once.load(), events.size());
    RecordingSink::OnEvents(events);
  }
  std::atomic<std::size_t> at_once = 0;
};

struct Followed {
  std::vector<Event> events;
  std::size_t at_once = 0;  // the most that came in one call
};

// What follows `from`, as a client sees it that comes back where it was when it is cut off: a store that follows its
// log in batches may append more at once than a short tail holds.
Followed Follow(ports::ObjectStore& store, Revision from, std::size_t count) {
  Followed seen;
  for (int attempt = 0; seen.events.size() < count && attempt < 100; ++attempt) {
    const auto sink = std::make_shared<MeasuringSink>();
    const auto watch = store.Watch(kActors, seen.events.empty() ? from : seen.events.back().record.revision, sink);
    if (!watch.ok()) break;
    const auto events = sink->WaitForEvents(count - seen.events.size());
    seen.events.insert(seen.events.end(), events.begin(), events.end());
    seen.at_once = std::max(seen.at_once, sink->at_once.load());
  }
  return seen;
}

TEST_P(ObjectStoreSuite, AWatchFromThePastReplaysTheLog) {
  BroadcasterSettings settings;
  settings.tail_events = 4;
  settings.batch_events = 3;
  Open(settings);
  const Revision start = Head();
  for (int i = 0; i < 10; ++i) MustCreate("default", "n" + std::to_string(i), {{"n", std::to_string(i)}});
  const Record updated = MustUpdate("default", "n0", 2);
  MustDelete("default", "n1");
  for (int i = 0; i < 10; ++i) MustCreate("later", "n" + std::to_string(i));
  MustCreate("live", "x");
  const auto events = Follow(store(), start, 23).events;
  ASSERT_EQ(events.size(), 23U);
  EXPECT_EQ(events[3].record.labels, (ports::Labels{{"n", "3"}}));
  EXPECT_EQ(events[10].type, Event::Type::kModified);
  EXPECT_EQ(events[10].record.revision, updated.revision);
  ASSERT_NE(events[10].previous, nullptr);
  EXPECT_EQ(events[10].previous->labels, (ports::Labels{{"n", "0"}}));
  EXPECT_EQ(*events[10].previous->json, *MakeRecord("default", "n0", 1).json);
  EXPECT_EQ(events[11].type, Event::Type::kDeleted);
  EXPECT_EQ(*events[11].record.json, *MakeRecord("default", "n1", 1).json);
  EXPECT_EQ(events[22].record.key.namespace_, "live");
  for (std::size_t i = 1; i < events.size(); ++i) EXPECT_GT(events[i].record.revision, events[i - 1].record.revision);
}

TEST_P(ObjectStoreSuite, WhatAWatchIsToldAtOnceIsBoundedByBytes) {
  // From the log and from the tail alike.
  for (const std::size_t tail_events : {std::size_t{1}, std::size_t{100}}) {
    BroadcasterSettings settings;
    settings.tail_events = tail_events;
    settings.batch_bytes = 1;
    Open(settings);
    const Revision start = Head();
    for (int i = 0; i < 10; ++i) MustCreate("default", "n" + std::to_string(i));
    const auto seen = Follow(store(), start, 10);
    EXPECT_EQ(seen.events.size(), 10U);
    EXPECT_EQ(seen.at_once, 1U);
  }
}

TEST_P(ObjectStoreSuite, AWatchSeesOnlyItsResourceAndNamespace) {
  const auto sink = std::make_shared<RecordingSink>();
  const auto watch = store().Watch({"asyncactors", "a"}, Head(), sink);
  MustCreate("b", "x");
  Record flow = MakeRecord("a", "x");
  flow.key.resource = "flows";
  ASSERT_TRUE(store().Create(flow, kAuthor).ok());
  MustCreate("a", "y");
  const auto events = sink->WaitForEvents(1);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].record.key, (ObjectKey{"asyncactors", "a", "y"}));
}

TEST_P(ObjectStoreSuite, AQuietWatchGetsBookmarks) {
  BroadcasterSettings settings;
  settings.bookmark_interval = std::chrono::milliseconds(5);
  Open(settings);
  const auto sink = std::make_shared<RecordingSink>();
  const auto watch = store().Watch({"flows", std::nullopt}, Head(), sink);
  const Record created = MustCreate("a", "x");
  const auto bookmark = sink->WaitForBookmark(created.revision);
  ASSERT_TRUE(bookmark.has_value());
  EXPECT_EQ(*bookmark, created.revision);
  EXPECT_TRUE(sink->Events().empty());
}

TEST_P(ObjectStoreSuite, AWatchFromTheRevisionOfAListMissesNothing) {
  const std::jthread writer([this](const std::stop_token& stop) {
    for (int i = 0; !stop.stop_requested(); ++i) MustCreate("default", "n" + std::to_string(i));
  });
  for (int round = 0; round < 10; ++round) {
    ports::ListQuery query;
    query.resource = "asyncactors";
    const auto page = store().List(query);
    ASSERT_TRUE(page.ok());
    const auto events = Follow(store(), page->revision, 3).events;
    ASSERT_GE(events.size(), 3U);
    for (std::size_t i = 0; i < events.size(); ++i) {
      EXPECT_EQ(events[i].record.key.name, "n" + std::to_string(page->items.size() + i));
    }
  }
}

TEST_P(ObjectStoreSuite, ManyWatchersOfManyWritersSeeEveryEventOnceInOrder) {
  constexpr int kWriters = 4;
  constexpr int kEach = 40;
  constexpr int kWatchers = 6;
  const Revision start = Head();
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  std::vector<std::shared_ptr<void>> watches;
  std::mutex mutex;
  std::map<Revision, ObjectKey> committed;
  const auto add_watcher = [&] {
    sinks.push_back(std::make_shared<RecordingSink>());
    auto watch = store().Watch(kActors, start, sinks.back());
    ASSERT_TRUE(watch.ok());
    watches.push_back(*watch);
  };
  for (int i = 0; i < kWatchers / 2; ++i) add_watcher();
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      for (int i = 0; i < kEach; ++i) {
        const std::string name = "n" + std::to_string(i % 5);
        const std::string place = "w" + std::to_string(w);
        const auto step = (i / 5) % 3;
        const Record record = step == 0   ? MustCreate(place, name)
                              : step == 1 ? MustUpdate(place, name, i)
                                          : MustDelete(place, name);
        const std::lock_guard lock(mutex);
        EXPECT_TRUE(committed.emplace(record.revision, record.key).second);
      }
    });
  }
  for (int i = kWatchers / 2; i < kWatchers; ++i) add_watcher();  // these start in the middle of the writes
  for (auto& writer : writers) writer.join();
  for (const auto& sink : sinks) {
    const auto events = sink->WaitForEvents(committed.size());
    ASSERT_EQ(events.size(), committed.size());
    auto expected = committed.begin();
    for (const auto& event : events) {
      EXPECT_EQ(event.record.revision, expected->first);
      EXPECT_EQ(event.record.key, expected->second);
      ++expected;
    }
  }
}

TEST_P(ObjectStoreSuite, EventsReplayedOverAListGiveTheCurrentState) {
  std::map<ObjectKey, std::string> mirror;
  for (int i = 0; i < 5; ++i) MustCreate("default", "n" + std::to_string(i));
  ports::ListQuery query;
  query.resource = "asyncactors";
  const auto page = store().List(query);
  for (const auto& record : page->items) mirror[record.key] = *record.json;
  const auto sink = std::make_shared<RecordingSink>();
  const auto watch = store().Watch(kActors, page->revision, sink);
  for (int i = 0; i < 60; ++i) {
    const std::string name = "n" + std::to_string((i * 7) % 8);
    const bool exists = store().Get({"asyncactors", "default", name}).ok();
    if (!exists) {
      MustCreate("default", name);
    } else if (i % 3 == 0) {
      MustDelete("default", name);
    } else {
      MustUpdate("default", name, i);
    }
  }
  for (const auto& event : sink->WaitForEvents(60)) {
    if (event.type == Event::Type::kDeleted) {
      mirror.erase(event.record.key);
    } else {
      mirror[event.record.key] = *event.record.json;
    }
  }
  std::map<ObjectKey, std::string> current;
  const auto listed = store().List(query);
  for (const auto& record : listed->items) current[record.key] = *record.json;
  EXPECT_EQ(mirror, current);
}

TEST_P(ObjectStoreSuite, AWatchFromACompactedRevisionIsExpired) {
  const Revision start = Head();
  MustCreate("default", "a");
  const Record second = MustCreate("default", "b");
  ASSERT_TRUE(store().Compact(second.revision).ok());
  const auto expired = store().Watch(kActors, start, std::make_shared<RecordingSink>());
  ASSERT_FALSE(expired.ok());
  EXPECT_EQ(expired.error().code, ErrorCode::kExpired);
  const auto sink = std::make_shared<RecordingSink>();
  const auto watch = store().Watch(kActors, second.revision, sink);
  ASSERT_TRUE(watch.ok()) << "the compacted revision itself is a fine place to start";
  MustCreate("default", "c");
  ASSERT_EQ(sink->WaitForEvents(1).size(), 1U);
}

TEST_P(ObjectStoreSuite, CompactionNeverGoesBackNorAboveTheHead) {
  MustCreate("default", "a");
  const Record second = MustCreate("default", "b");
  ASSERT_TRUE(store().Compact(Revision(second.revision.get() + 1000)).ok());
  ASSERT_TRUE(store().Compact(Revision(1)).ok());
  EXPECT_TRUE(store().Watch(kActors, Head(), std::make_shared<RecordingSink>()).ok());
  EXPECT_FALSE(store().Watch(kActors, Revision(second.revision.get() - 1), std::make_shared<RecordingSink>()).ok());
}

TEST_P(ObjectStoreSuite, ASlowWatcherIsCutOffAndNobodyWaitsForIt) {
  BroadcasterSettings settings;
  settings.tail_events = 16;
  settings.batch_events = 4;
  Open(settings);
  const auto slow = std::make_shared<BlockingSink>();
  const auto quick = std::make_shared<RecordingSink>();
  const auto slow_watch = store().Watch(kActors, Head(), slow);
  const auto quick_watch = store().Watch(kActors, Head(), quick);
  MustCreate("default", "first");
  slow->WaitUntilEntered();
  // The slow sink holds its thread all the while; each write is waited for, so that only the slow one falls behind.
  for (std::size_t i = 0; i < 3 * settings.tail_events; ++i) {
    MustCreate("default", "n" + std::to_string(i));
    ASSERT_EQ(quick->WaitForEvents(i + 2).size(), i + 2);
  }
  slow->Release();
  const auto closed = slow->WaitForClose();
  ASSERT_TRUE(closed.has_value());
  EXPECT_EQ(closed->code, ErrorCode::kExpired);
  EXPECT_LT(slow->Events().size(), 3 * settings.tail_events);
  MustCreate("default", "last");
  EXPECT_EQ(quick->WaitForEvents(3 * settings.tail_events + 2).back().record.key.name, "last");
}

TEST_P(ObjectStoreSuite, NoCallComesAfterAWatchIsDropped) {
  const auto sink = std::make_shared<RecordingSink>();
  auto watch = store().Watch(kActors, Head(), sink);
  MustCreate("default", "a");
  sink->WaitForEvents(1);
  watch->reset();
  const auto witness = std::make_shared<RecordingSink>();
  const auto other = store().Watch(kActors, Head(), witness);
  MustCreate("default", "b");
  witness->WaitForEvents(1);
  EXPECT_EQ(sink->Events().size(), 1U);
  EXPECT_EQ(sink.use_count(), 1) << "the store lets go of the sink";
}

TEST_P(ObjectStoreSuite, AWatchCanBeDroppedFromWithinItsOwnCall) {
  struct OneShot final : RecordingSink {
    void OnEvents(std::span<const Event> events) override {
      RecordingSink::OnEvents(events);
      handle.reset();
    }
    std::shared_ptr<void> handle;
  };
  const auto sink = std::make_shared<OneShot>();
  const Revision start = Head();
  MustCreate("default", "a");
  {
    // The handle is stored before the first event can come.
    auto watch = store().Watch(kActors, Head(), sink);
    ASSERT_TRUE(watch.ok());
    sink->handle = *watch;
  }
  const auto witness = std::make_shared<RecordingSink>();
  const auto other = store().Watch(kActors, start, witness);
  MustCreate("default", "b");
  EXPECT_EQ(sink->WaitForEvents(1).size(), 1U);
  MustCreate("default", "c");
  EXPECT_EQ(witness->WaitForEvents(3).size(), 3U);
  EXPECT_EQ(sink->Events().size(), 1U);
}

}  // namespace
}  // namespace asya::storage::conformance
