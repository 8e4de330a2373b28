#include <algorithm>
#include <atomic>
#include <future>
#include <set>
#include <thread>

#include "storage/conformance/task_store_suite.h"

namespace asya::storage::conformance {
namespace {

using ports::IdempotencyKey;
using ports::Task;
using ports::TaskFilter;
using ports::TaskReport;
using ports::TaskStatus;

TEST_P(TaskStoreSuite, CreateStoresTheTaskAndSendsItsMessage) {
  Task task = MakeTask("t1");
  task.flow = "ocr";
  task.labels_json = R"({"team":"x"})";
  task.replay_of = "t0";
  task.deadline_at = RealClock().Now() + std::chrono::hours(1);
  const Task created = MustCreate(task);
  EXPECT_EQ(harness_->Sent(), (std::vector<std::string>{"body of t1"}));
  const Task got = MustGet("t1");
  EXPECT_EQ(got.status, TaskStatus::kPending);
  EXPECT_EQ(got.progress, 0);
  EXPECT_EQ(got.version, created.version);
  EXPECT_GT(got.version, 0);
  EXPECT_EQ(got.namespace_, "default");
  EXPECT_EQ(got.flow, "ocr");
  EXPECT_EQ(got.actor, "prep");
  EXPECT_EQ(got.current_actor, "prep") << "before any report it is where it was sent";
  EXPECT_EQ(got.payload_json, task.payload_json);
  EXPECT_EQ(got.headers_json, task.headers_json);
  EXPECT_EQ(got.labels_json, task.labels_json);
  EXPECT_EQ(got.replay_of, "t0");
  EXPECT_EQ(got.deadline_at, task.deadline_at);
  EXPECT_EQ(got.created_at, created.created_at);
  EXPECT_GT(got.created_at, WallTime{});
}

TEST_P(TaskStoreSuite, ATaskWithoutAQueueIsNotStored) {
  const auto created = store().Create(MakeTask("t1"), {kMissingQueue, "body"}, IdempotencyKey{"k", "d"});
  ASSERT_FALSE(created.ok());
  EXPECT_EQ(created.error().code, ErrorCode::kUnroutable);
  EXPECT_EQ(store().Get("t1").error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(harness_->Sent().empty());
  EXPECT_TRUE(store().Create(MakeTask("t1"), {"q", "body"}, IdempotencyKey{"k", "other"}).ok()) << "the key is free";
}

TEST_P(TaskStoreSuite, WhatIsNotWaitedForIsToldWithTheSameOutcome) {
  const auto create = [&](const Task& task, const std::string& queue, const std::optional<IdempotencyKey>& key) {
    std::promise<Result<Task>> told;
    store().CreateThen(task, {queue, "body"}, key, [&](Result<Task> created) { told.set_value(std::move(created)); });
    return told.get_future().get();
  };
  const auto created = create(MakeTask("t1"), "q", IdempotencyKey{"key", "digest"});
  ASSERT_TRUE(created.ok()) << created.error().message;
  EXPECT_EQ(created->version, MustGet("t1").version) << "durable when it is told";
  EXPECT_EQ(create(MakeTask("t2"), kMissingQueue, std::nullopt).error().code, ErrorCode::kUnroutable);
  const auto earlier = create(MakeTask("t3"), "q", IdempotencyKey{"key", "digest"});
  ASSERT_TRUE(earlier.ok()) << earlier.error().message;
  EXPECT_EQ(earlier->id, "t1");
  EXPECT_EQ(earlier->payload_json, MakeTask("t1").payload_json);
  std::promise<Status> reported;
  store().ReportThen({MakeReport("t1", TaskStatus::kSucceeded, 1)},
                     [&](Status status) { reported.set_value(std::move(status)); });
  ASSERT_TRUE(reported.get_future().get().ok());
  EXPECT_EQ(MustGet("t1").status, TaskStatus::kSucceeded);
  std::promise<Status> nothing;
  store().ReportThen({}, [&](Status status) { nothing.set_value(std::move(status)); });
  EXPECT_TRUE(nothing.get_future().get().ok());
}

TEST_P(TaskStoreSuite, AViewIsTheTaskWithItsEventsAndChildren) {
  MustCreate(MakeTask("t1"));
  auto child = MakeReport("c1", TaskStatus::kRunning, 0.5);
  child.parent_id = "t1";
  MustReport(child);
  MustReport(MakeReport("t1", TaskStatus::kRunning, 0.5));
  const auto view = store().View("t1");
  ASSERT_TRUE(view.ok()) << view.error().message;
  EXPECT_EQ(view->task.id, "t1");
  EXPECT_EQ(view->task.payload_json, MakeTask("t1").payload_json);
  ASSERT_EQ(view->children.size(), 1U);
  EXPECT_EQ(view->children.front().id, "c1");
  const auto events = store().Events("t1", 0);
  ASSERT_EQ(view->events.size(), events->size());
  EXPECT_EQ(view->events.back().data_json, events->back().data_json);
  EXPECT_EQ(view->events.back().task_id, "t1");
  EXPECT_EQ(store().View("none").error().code, ErrorCode::kNotFound);
}

TEST_P(TaskStoreSuite, AnIdIsUsedOnce) {
  MustCreate(MakeTask("t1"));
  const auto again = store().Create(MakeTask("t1"), {"q", "second"}, std::nullopt);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, ErrorCode::kExists);
  EXPECT_EQ(harness_->Sent().size(), 1U);
}

TEST_P(TaskStoreSuite, AnIdempotencyKeyGivesTheEarlierTask) {
  ASSERT_TRUE(store().Create(MakeTask("t1"), {"q", "one"}, IdempotencyKey{"key", "digest"}).ok());
  const auto again = store().Create(MakeTask("t2"), {"q", "two"}, IdempotencyKey{"key", "digest"});
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->id, "t1");
  EXPECT_EQ(again->payload_json, MakeTask("t1").payload_json);
  const auto other = store().Create(MakeTask("t3"), {"q", "three"}, IdempotencyKey{"key", "another"});
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().code, ErrorCode::kConflict);
  EXPECT_EQ(harness_->Sent(), (std::vector<std::string>{"one"}));
  EXPECT_FALSE(store().Get("t2").ok());
}

TEST_P(TaskStoreSuite, OfConcurrentCreatesWithOneKeyOneTaskIsMade) {
  constexpr int kCallers = 8;
  std::mutex mutex;
  std::set<std::string> ids;
  std::vector<std::thread> callers;
  for (int i = 0; i < kCallers; ++i) {
    callers.emplace_back([&, i] {
      const auto created = store().Create(MakeTask("t" + std::to_string(i)), {"q", "b"}, IdempotencyKey{"key", "d"});
      ASSERT_TRUE(created.ok()) << created.error().message;
      const std::lock_guard lock(mutex);
      ids.insert(created->id);
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(ids.size(), 1U);
  EXPECT_EQ(harness_->Sent().size(), 1U);
}

TEST_P(TaskStoreSuite, AListIsNewestFirstInPages) {
  for (int i = 0; i < 5; ++i) MustCreate(MakeTask("t" + std::to_string(i)));
  TaskFilter filter;
  filter.limit = 2;
  std::vector<std::string> ids;
  for (;;) {
    const auto page = store().List(filter);
    ASSERT_TRUE(page.ok());
    EXPECT_LE(page->tasks.size(), 2U);
    for (const auto& task : page->tasks) ids.push_back(task.id);
    if (page->next_cursor.empty()) break;
    filter.cursor = page->next_cursor;
  }
  EXPECT_EQ(ids, (std::vector<std::string>{"t4", "t3", "t2", "t1", "t0"}));
  filter.cursor = "what?";
  EXPECT_EQ(store().List(filter).error().field, "cursor");
}

TEST_P(TaskStoreSuite, AListIsFiltered) {
  MustCreate(MakeTask("plain"));
  Task other = MakeTask("other");
  other.namespace_ = "team";
  other.actor = "ocr";
  other.flow = "scan";
  other.labels_json = R"({"team":"x","a.b/c":"1"})";
  MustCreate(other);
  TaskReport running = MakeReport("other", TaskStatus::kRunning, 0.1);
  running.namespace_ = "team";
  MustReport(running);
  const auto ids = [&](const TaskFilter& filter) {
    std::vector<std::string> found;
    const auto page = store().List(filter);
    for (const auto& task : page->tasks) found.push_back(task.id);
    return found;
  };
  using Ids = std::vector<std::string>;
  TaskFilter filter;
  filter.namespace_ = "team";
  EXPECT_EQ(ids(filter), Ids{"other"});
  filter = {};
  filter.actor = "prep";
  EXPECT_EQ(ids(filter), Ids{"plain"});
  filter = {};
  filter.flow = "scan";
  EXPECT_EQ(ids(filter), Ids{"other"});
  for (const auto& [labels, found] :
       {std::pair(R"({"team":"x"})", Ids{"other"}), std::pair(R"({"a.b/c":"1","team":"x"})", Ids{"other"}),
        std::pair(R"({"team":"y"})", Ids{}), std::pair(R"({"team":"x","b":"1"})", Ids{})}) {
    filter = {};
    filter.labels_json = labels;
    EXPECT_EQ(ids(filter), found) << labels;
  }
  filter = {};
  filter.status = TaskStatus::kPending;
  EXPECT_EQ(ids(filter), Ids{"plain"});
  filter = {};
  filter.created_after = MustGet("plain").created_at;
  filter.created_before = RealClock().Now() + std::chrono::hours(1);
  EXPECT_EQ(ids(filter).front(), "other");
  filter.created_before = MustGet("plain").created_at;
  EXPECT_EQ(ids(filter), Ids{});
}

TEST_P(TaskStoreSuite, FinishedTasksAreDroppedOverTheCountOldestFirst) {
  TaskRetention retention;
  retention.finished_tasks_max = 3;
  Open(retention);
  MustCreate(MakeTask("running"));
  for (int i = 0; i < 6; ++i) {
    const std::string id = "t" + std::to_string(i);
    ASSERT_TRUE(store().Create(MakeTask(id), {"q", "b"}, IdempotencyKey{"key" + id, "d"}).ok());
    MustReport(MakeReport(id, TaskStatus::kSucceeded, 1));
  }
  const auto dropped = harness_->DropOld(RealClock().Now());
  ASSERT_TRUE(dropped.ok()) << dropped.error().message;
  EXPECT_EQ(*dropped, 3);
  EXPECT_TRUE(store().Get("running").ok()) << "unfinished tasks stay";
  EXPECT_FALSE(store().Get("t2").ok());
  EXPECT_TRUE(store().Get("t3").ok());
  EXPECT_TRUE(store().Events("t2", 0)->empty());
  EXPECT_FALSE(store().Events("t3", 0)->empty());
  EXPECT_EQ(*harness_->DropOld(RealClock().Now()), 0);
  EXPECT_EQ(store().Create(MakeTask("t9"), {"q", "b"}, IdempotencyKey{"keyt2", "x"})->id, "t9") << "keys go with tasks";
}

TEST_P(TaskStoreSuite, FinishedTasksAreDroppedByAge) {
  MustCreate(MakeTask("running"));
  MustCreate(MakeTask("done"));
  MustReport(MakeReport("done", TaskStatus::kFailed, 0));
  EXPECT_EQ(*harness_->DropOld(RealClock().Now()), 0);
  const WallTime later = RealClock().Now() + TaskRetention{}.finished_age_max + std::chrono::hours(1);
  EXPECT_EQ(*harness_->DropOld(later), 1);
  EXPECT_FALSE(store().Get("done").ok());
  EXPECT_TRUE(store().Get("running").ok());
}

}  // namespace
}  // namespace asya::storage::conformance
