#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "core/base/random.h"
#include "core/json/parse.h"
#include "storage/conformance/task_store_suite.h"

namespace asya::storage::conformance {
namespace {

using ports::Task;
using ports::TaskEvent;
using ports::TaskReport;
using ports::TaskStatus;

TEST_P(TaskStoreSuite, StatusMovesForwardOnlyAndProgressNeverFalls) {
  MustCreate(MakeTask("t1"));
  TaskReport report = MakeReport("t1", TaskStatus::kRunning, 0.5);
  report.current_actor = "ocr";
  MustReport(report);
  Task task = MustGet("t1");
  EXPECT_EQ(task.status, TaskStatus::kRunning);
  EXPECT_DOUBLE_EQ(task.progress, 0.5);
  EXPECT_EQ(task.current_actor, "ocr");
  MustReport(MakeReport("t1", TaskStatus::kRunning, 0.25));
  MustReport(MakeReport("t1", TaskStatus::kPending, 0.1));
  EXPECT_DOUBLE_EQ(MustGet("t1").progress, 0.5);
  EXPECT_EQ(MustGet("t1").status, TaskStatus::kRunning);
  EXPECT_EQ(MustGet("t1").version, task.version) << "a report that changes nothing is no change";
  MustReport(MakeReport("t1", TaskStatus::kRunning, 0.75));
  EXPECT_DOUBLE_EQ(MustGet("t1").progress, 0.75);
  EXPECT_GT(MustGet("t1").version, task.version);
}

TEST_P(TaskStoreSuite, ATerminalTaskStaysAsItIs) {
  MustCreate(MakeTask("t1"));
  TaskReport done = MakeReport("t1", TaskStatus::kSucceeded, 0.9);
  done.result_json = R"({"answer":42})";
  done.reason = "Completed";
  MustReport(done);
  const Task task = MustGet("t1");
  EXPECT_EQ(task.status, TaskStatus::kSucceeded);
  EXPECT_EQ(task.progress, 1.0);
  EXPECT_EQ(task.result_json, done.result_json);
  EXPECT_EQ(task.reason, "Completed");
  TaskReport failed = MakeReport("t1", TaskStatus::kFailed, 1);
  failed.error_json = R"({"type":"X"})";
  MustReport(failed);
  MustReport(done);
  MustReport(MakeReport("t1", TaskStatus::kRunning, 1));
  ASSERT_TRUE(store().Cancel("t1").ok());
  EXPECT_EQ(MustGet("t1").version, task.version);
  EXPECT_EQ(MustGet("t1").status, TaskStatus::kSucceeded);
  EXPECT_EQ(MustGet("t1").error_json, "");
}

TEST_P(TaskStoreSuite, AnEndThatIsToldAgainIsNoSecondEvent) {
  MustCreate(MakeTask("t1"));
  TaskReport end = MakeReport("t1", TaskStatus::kSucceeded, 1);
  end.hop_json = R"({"actor":"x-sink","work_ms":1})";
  MustReport(end);
  const std::size_t events = store().Events("t1", 0).value().size();
  // The relay died before it could acknowledge; its successor works again and reports other times.
  end.hop_json = R"({"actor":"x-sink","work_ms":2})";
  MustReport(end);
  EXPECT_EQ(store().Events("t1", 0).value().size(), events);
}

TEST_P(TaskStoreSuite, AFailureKeepsItsErrorAndReason) {
  MustCreate(MakeTask("t1"));
  TaskReport failed = MakeReport("t1", TaskStatus::kFailed, 0);
  failed.error_json = R"({"type":"ValueError","message":"no"})";
  failed.reason = "PolicyExhausted";
  MustReport(failed);
  EXPECT_EQ(MustGet("t1").status, TaskStatus::kFailed);
  EXPECT_EQ(MustGet("t1").error_json, failed.error_json);
  EXPECT_EQ(MustGet("t1").reason, "PolicyExhausted");
}

TEST_P(TaskStoreSuite, ATaskThatFailedSaysWhereWhateverIsToldLater) {
  MustCreate(MakeTask("silent"));
  MustReport(MakeReport("silent", TaskStatus::kFailed, 1));
  EXPECT_EQ(MustGet("silent").current_actor, "prep") << "an end that names no actor keeps the one that is known";
  MustCreate(MakeTask("t1"));
  TaskReport failed = MakeReport("t1", TaskStatus::kFailed, 0.4);
  failed.current_actor = "ocr";
  MustReport(failed);
  const Task ended = MustGet("t1");
  EXPECT_EQ(ended.current_actor, "ocr");
  TaskReport late = MakeReport("t1", TaskStatus::kRunning, 0.9);
  for (const char* actor : {"prep", "extract", ""}) {
    late.current_actor = actor;
    late.hop_json = R"({"work_ms":1})";
    MustReport(late);
  }
  EXPECT_EQ(MustGet("t1").current_actor, "ocr");
  EXPECT_EQ(MustGet("t1").version, ended.version);
}

TEST_P(TaskStoreSuite, ABatchIsAppliedInOrderAndUnknownTasksAreIgnored) {
  MustCreate(MakeTask("t1"));
  MustCreate(MakeTask("t2"));
  ASSERT_TRUE(store()
                  .Report({MakeReport("t1", TaskStatus::kRunning, 0.1), MakeReport("none", TaskStatus::kRunning, 0.1),
                           MakeReport("t2", TaskStatus::kRunning, 0.2), MakeReport("t1", TaskStatus::kSucceeded, 1)})
                  .ok());
  EXPECT_EQ(MustGet("t1").status, TaskStatus::kSucceeded);
  EXPECT_DOUBLE_EQ(MustGet("t2").progress, 0.2);
  EXPECT_FALSE(store().Get("none").ok());
  EXPECT_TRUE(store().Report({}).ok());
}

TEST_P(TaskStoreSuite, EventsTellStatusChangesAndHopsOnly) {
  MustCreate(MakeTask("t1"));
  MustReport(MakeReport("t1", TaskStatus::kRunning, 0.1));
  MustReport(MakeReport("t1", TaskStatus::kRunning, 0.2));
  TaskReport hop = MakeReport("t1", TaskStatus::kRunning, 0.5);
  hop.current_actor = "ocr";
  hop.hop_json = R"({"work_ms":12})";
  MustReport(hop);
  MustReport(hop);
  MustReport(MakeReport("t1", TaskStatus::kSucceeded, 1));
  TaskReport late = hop;
  late.hop_json = R"({"work_ms":7})";
  MustReport(late);
  const auto events = store().Events("t1", 0);
  ASSERT_TRUE(events.ok());
  std::vector<std::string> statuses;
  for (const TaskEvent& event : *events) {
    EXPECT_EQ(event.task_id, "t1");
    EXPECT_EQ(event.type, "status");
    EXPECT_GT(event.at, WallTime{});
    const auto data = json::Parse(event.data_json);
    ASSERT_TRUE(data.ok()) << event.data_json;
    statuses.push_back(*data->GetString("status"));
  }
  EXPECT_EQ(statuses, (std::vector<std::string>{"pending", "running", "running", "succeeded", "running"}));
  EXPECT_EQ(events->at(2).data_json, R"({"actor":"ocr","hop":{"work_ms":12},"progress":0.5,"status":"running"})");
  EXPECT_EQ(events->at(4).data_json, R"({"actor":"ocr","hop":{"work_ms":7},"progress":0.5,"status":"running"})")
      << "a hop is kept even when it is told after the end";
  for (std::size_t i = 1; i < events->size(); ++i) EXPECT_GT(events->at(i).sequence, events->at(i - 1).sequence);
  EXPECT_EQ(store().Events("t1", events->at(2).sequence)->size(), 2U);
  EXPECT_TRUE(store().Events("none", 0)->empty());
}

TEST_P(TaskStoreSuite, HopRecordsOfATaskAreBounded) {
  MustCreate(MakeTask("t1"));
  std::vector<TaskReport> reports;
  for (std::int64_t i = 0; i < kHopEventsPerTaskMax + 10; ++i) {
    TaskReport hop = MakeReport("t1", TaskStatus::kRunning, 0.5);
    hop.hop_json = "{\"attempt\":" + std::to_string(i) + "}";
    reports.push_back(hop);
  }
  ASSERT_TRUE(store().Report(reports).ok());
  EXPECT_EQ(store().Events("t1", 0)->size(), static_cast<std::size_t>(kHopEventsPerTaskMax));
  MustReport(MakeReport("t1", TaskStatus::kSucceeded, 1));
  EXPECT_EQ(store().Events("t1", 0)->size(), static_cast<std::size_t>(kHopEventsPerTaskMax) + 1);
}

TEST_P(TaskStoreSuite, AFanOutChildIsRegisteredOnFirstSight) {
  Task parent = MakeTask("parent");
  parent.flow = "scan";
  parent.deadline_at = RealClock().Now() + std::chrono::hours(1);
  MustCreate(parent);
  TaskReport report = MakeReport("child-1", TaskStatus::kRunning, 0.3);
  report.parent_id = "parent";
  report.current_actor = "ocr";
  MustReport(report);
  report.progress = 0.6;
  MustReport(report);
  report.task_id = "child-2";
  report.status = TaskStatus::kSucceeded;
  report.result_json = "1";
  MustReport(report);
  const auto children = store().Children("parent");
  ASSERT_TRUE(children.ok());
  ASSERT_EQ(children->size(), 2U);
  EXPECT_EQ(children->at(0).id, "child-1");
  EXPECT_EQ(children->at(0).parent_id, "parent");
  EXPECT_EQ(children->at(0).flow, "scan");
  EXPECT_EQ(children->at(0).namespace_, "default");
  EXPECT_EQ(children->at(0).actor, "ocr");
  EXPECT_DOUBLE_EQ(children->at(0).progress, 0.6);
  EXPECT_EQ(children->at(0).deadline_at, parent.deadline_at);
  EXPECT_EQ(children->at(1).status, TaskStatus::kSucceeded);
  EXPECT_EQ(children->at(1).result_json, "1");
  EXPECT_EQ(store().Events("child-1", 0)->size(), 1U);
  EXPECT_EQ(MustGet("parent").status, TaskStatus::kPending) << "a parent finishes by its own line";
  EXPECT_TRUE(store().Children("child-1")->empty());
}

TEST_P(TaskStoreSuite, CancelIsIdempotentAndFeedsTheRelays) {
  MustCreate(MakeTask("t1"));
  MustCreate(MakeTask("t2"));
  EXPECT_EQ(store().Cancel("none").error().code, ErrorCode::kNotFound);
  const WallTime before = RealClock().Now();
  ASSERT_TRUE(store().Cancel("t2").ok());
  ASSERT_TRUE(store().Cancel("t1").ok());
  ASSERT_TRUE(store().Cancel("t2").ok());
  EXPECT_EQ(MustGet("t1").status, TaskStatus::kCanceled);
  const auto canceled = store().CanceledSince(before, std::nullopt);
  ASSERT_EQ(canceled->size(), 2U);
  EXPECT_EQ(canceled->at(0).id, "t2");
  EXPECT_EQ(canceled->at(0).namespace_, "default");
  EXPECT_EQ(canceled->at(1).id, "t1");
  EXPECT_EQ(store().CanceledSince(before, "default")->size(), 2U);
  EXPECT_TRUE(store().CanceledSince(before, "team")->empty());
  EXPECT_TRUE(store().CanceledSince(RealClock().Now() + std::chrono::hours(1), std::nullopt)->empty());
  MustReport(MakeReport("t1", TaskStatus::kSucceeded, 1));
  EXPECT_EQ(MustGet("t1").status, TaskStatus::kCanceled);
  EXPECT_EQ(store().Events("t1", 0)->size(), 2U);
}

TEST_P(TaskStoreSuite, WhoIsOfAnotherNamespaceChangesNothing) {
  MustCreate(MakeTask("t1"));
  const Task task = MustGet("t1");
  TaskReport foreign = MakeReport("t1", TaskStatus::kSucceeded, 1);
  foreign.namespace_ = "team";
  foreign.hop_json = R"({"actor":"ocr"})";
  foreign.result_json = "1";
  TaskReport child = MakeReport("c1", TaskStatus::kRunning, 0.5);
  child.namespace_ = "team";
  child.parent_id = "t1";
  ASSERT_TRUE(store().Report({foreign, child}).ok()) << "as of tasks that there are not";
  EXPECT_EQ(MustGet("t1").version, task.version);
  EXPECT_EQ(store().Events("t1", 0)->size(), 1U);
  EXPECT_EQ(store().Get("c1").error().code, ErrorCode::kNotFound);
  TaskReport whoever = MakeReport("t1", TaskStatus::kRunning, 0.5);
  whoever.namespace_.clear();
  MustReport(whoever);
  EXPECT_EQ(MustGet("t1").status, TaskStatus::kRunning) << "where there are no namespaces to tell apart";
  Task nowhere = MakeTask("t2");
  nowhere.namespace_.clear();
  MustCreate(nowhere);
  MustReport(MakeReport("t2", TaskStatus::kRunning, 0.5));
  EXPECT_EQ(MustGet("t2").status, TaskStatus::kRunning) << "such a task is of namespace default";
}

TEST_P(TaskStoreSuite, AChildOfAParentThatNobodyKnowsIsOfWhoReportsIt) {
  TaskReport child = MakeReport("c1", TaskStatus::kRunning, 0.5);
  child.namespace_ = "team";
  child.parent_id = "forgotten";
  MustReport(child);
  EXPECT_EQ(MustGet("c1").namespace_, "team");
  MustReport(MakeReport("c1", TaskStatus::kFailed, 1));
  EXPECT_EQ(MustGet("c1").status, TaskStatus::kRunning) << "that was somebody of namespace default";
}

TEST_P(TaskStoreSuite, DeadlinesEndUnfinishedTasks) {
  const WallTime now = RealClock().Now();
  for (const char* id : {"past", "paused", "done", "future", "none"}) {
    Task task = MakeTask(id);
    if (std::string(id) != "none") task.deadline_at = now - std::chrono::seconds(1);
    if (std::string(id) == "future") task.deadline_at = now + std::chrono::hours(1);
    MustCreate(task);
  }
  MustReport(MakeReport("past", TaskStatus::kRunning, 0.5));
  MustReport(MakeReport("paused", TaskStatus::kPaused, 0.5));
  MustReport(MakeReport("done", TaskStatus::kSucceeded, 1));
  EXPECT_EQ(*store().ExpireDeadlines(now), 1);
  const Task past = MustGet("past");
  EXPECT_EQ(past.status, TaskStatus::kFailed);
  EXPECT_EQ(past.reason, "Timeout");
  EXPECT_TRUE(json::Parse(past.error_json).ok());
  EXPECT_DOUBLE_EQ(past.progress, 0.5);
  EXPECT_EQ(store().Events("past", 0)->back().data_json, R"({"reason":"Timeout","status":"failed"})");
  EXPECT_EQ(MustGet("paused").status, TaskStatus::kPaused) << "the deadline is frozen while paused";
  EXPECT_EQ(MustGet("done").status, TaskStatus::kSucceeded);
  EXPECT_EQ(MustGet("future").status, TaskStatus::kPending);
  EXPECT_EQ(*store().ExpireDeadlines(now), 0);
}

TEST_P(TaskStoreSuite, SubscribersAreToldAfterTheChangeIsThere) {
  // Ids of this run alone: stores that share a database hear of each other's tasks.
  const std::string first = "t1-" + RandomHex(8);
  const std::string second = "t2-" + RandomHex(8);
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, int> told;
  bool ended = false;
  auto subscription = store().Subscribe([&](const ports::TaskChange& change) {
    const std::lock_guard lock(mutex);
    ++told[change.task_id];
    if (change.task_id == first) ended = change.may_have_ended;
    changed.notify_all();
  });
  const auto wait_for = [&](const std::string& id, int count) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(30), [&] { return told[id] >= count; });
  };
  MustCreate(MakeTask(first));
  EXPECT_TRUE(wait_for(first, 1));
  MustReport(MakeReport(first, TaskStatus::kRunning, 0.5));
  EXPECT_TRUE(wait_for(first, 2));
  ASSERT_TRUE(store().Cancel(first).ok());
  EXPECT_TRUE(wait_for(first, 3));
  EXPECT_TRUE(ended) << "an end is never told as a mere step";
  subscription.reset();
  auto witness = store().Subscribe([&](const ports::TaskChange& change) {
    const std::lock_guard lock(mutex);
    ++told["witness " + change.task_id];
    changed.notify_all();
  });
  MustCreate(MakeTask(second));
  EXPECT_TRUE(wait_for("witness " + second, 1));
  const std::lock_guard lock(mutex);
  EXPECT_EQ(told.count(second), 0U);
}

TEST_P(TaskStoreSuite, ATaskToldToLiveHasNotEndedBeforeItsEndIsTold) {
  std::mutex mutex;
  std::map<std::string, bool> live;
  const auto subscription = store().Subscribe([&](const ports::TaskChange& change) {
    const std::lock_guard lock(mutex);
    if (change.may_have_ended) live.erase(change.task_id);
    if (change.lives) live[change.task_id] = true;
  });
  for (const char* id : {"t1", "t2", "t3"}) MustCreate(MakeTask(id));
  MustReport(MakeReport("t1", TaskStatus::kRunning, 0.5));
  MustReport(MakeReport("t1", TaskStatus::kSucceeded, 1));
  ASSERT_TRUE(store().Cancel("t2").ok());
  const std::lock_guard lock(mutex);
  EXPECT_EQ(live.count("t1") + live.count("t2"), 0U) << "told before the writer of the end goes on";
}

TEST_P(TaskStoreSuite, ConcurrentReportsOfOneTaskEndInTheFurthestState) {
  MustCreate(MakeTask("t1"));
  constexpr int kReporters = 4;
  std::vector<std::thread> reporters;
  for (int r = 0; r < kReporters; ++r) {
    reporters.emplace_back([&, r] {
      for (int i = 0; i < 20; ++i) MustReport(MakeReport("t1", TaskStatus::kRunning, (r * 20 + i) / 100.0));
      if (r == 0) MustReport(MakeReport("t1", TaskStatus::kSucceeded, 1));
      if (r == 1) MustReport(MakeReport("t1", TaskStatus::kFailed, 0.8));
    });
  }
  for (auto& reporter : reporters) reporter.join();
  EXPECT_TRUE(ports::IsTerminal(MustGet("t1").status));
  const auto events = store().Events("t1", 0);
  EXPECT_EQ(std::count_if(events->begin(), events->end(),
                          [](const TaskEvent& event) {
                            return event.data_json.find("succeeded") != std::string::npos ||
                                   event.data_json.find("failed") != std::string::npos;
                          }),
            1)
      << "one terminal transition";
}

}  // namespace
}  // namespace asya::storage::conformance
