#include <gtest/gtest.h>

#include "storage/sqlite/recent_tasks.h"
#include "storage/sqlite/recent_views.h"

namespace asya::storage::sqlite {
namespace {

using ports::TaskStatus;

TaskRow Row(std::int64_t sequence) { return TaskRow{sequence, TaskStatus::kPending, 0, true, {}}; }

ports::Task MakeTask(const std::string& id) {
  ports::Task task;
  task.id = id;
  task.payload_json = R"({"n":1})";
  task.current_actor = "prep";
  return task;
}

ports::TaskEvent EventOf(const std::string& id, std::int64_t sequence) {
  return ports::TaskEvent{sequence, id, WallTime{}, "status", "{}"};
}

TaskStep StepOf(const std::string& id) {
  TaskStep step;
  step.id = id;
  return step;
}

TEST(RecentTasks, ForgetsAllWhenSomethingWasUndone) {
  RecentTasks recent;
  recent.Put("a", Row(1));
  recent.Follow(0);
  ASSERT_NE(recent.Find("a"), nullptr);
  recent.Follow(1);
  EXPECT_EQ(recent.Find("a"), nullptr);
}

TEST(RecentTasks, KeepsTheLastOnes) {
  RecentTasks recent;
  for (std::size_t i = 0; i <= RecentTasks::kTasksMax; ++i) recent.Put("t" + std::to_string(i), Row(1));
  EXPECT_EQ(recent.Find("t0"), nullptr);
  EXPECT_NE(recent.Find("t1"), nullptr);
}

TEST(RecentTasks, ReadsManyEventsAgain) {
  TaskRow row = Row(1);
  for (std::size_t i = 0; i < RecentTasks::kEventsMax; ++i) RecentTasks::Note(row, i);
  EXPECT_TRUE(row.knows_events);
  RecentTasks::Note(row, 0);
  EXPECT_FALSE(row.knows_events);
  EXPECT_TRUE(row.events.empty());
}

TEST(RecentViews, FollowsATaskToItsEnd) {
  RecentViews views;
  views.Add(MakeTask("a"), EventOf("a", 1));
  TaskStep running = StepOf("a");
  running.moved = true;
  running.status = TaskStatus::kRunning;
  running.progress = 0.5;
  running.actor = "ocr";
  running.event = EventOf("a", 2);
  TaskStep hop = StepOf("a");
  hop.event = EventOf("a", 3);
  TaskStep end = StepOf("a");
  end.moved = true;
  end.status = TaskStatus::kSucceeded;
  end.progress = 1;
  end.result_json = "7";
  end.reason = "Completed";
  views.Take({running, hop, end, StepOf("another")});
  const auto view = views.View("a");
  ASSERT_TRUE(view);
  EXPECT_EQ(view->task.status, TaskStatus::kSucceeded);
  EXPECT_EQ(view->task.current_actor, "ocr") << "a step that names no actor keeps the one that is known";
  EXPECT_EQ(view->task.result_json, "7");
  EXPECT_EQ(view->task.version, 2);
  EXPECT_EQ(view->events.size(), 3U);
  EXPECT_EQ(views.Events("a", 2)->size(), 1U);
  EXPECT_FALSE(views.Get("another"));
}

TEST(RecentViews, LeavesToTheFileWhatItIsToForgetAndWhatIsLarge) {
  RecentViews views;
  views.Add(MakeTask("a"), EventOf("a", 1));
  TaskStep step = StepOf("a");
  step.forget = true;
  views.Take({step});
  EXPECT_FALSE(views.Get("a"));
  ports::Task large = MakeTask("large");
  large.payload_json.assign(RecentViews::kTaskBytesMax, 'x');
  views.Add(large, EventOf("large", 2));
  EXPECT_FALSE(views.Get("large"));
  views.Add(MakeTask("grows"), EventOf("grows", 3));
  TaskStep end = StepOf("grows");
  end.moved = true;
  end.result_json.assign(RecentViews::kTaskBytesMax, 'x');
  views.Take({end});
  EXPECT_FALSE(views.View("grows"));
}

TEST(RecentViews, KeepsTheLastOnesWithinItsBytes) {
  RecentViews views;
  ports::Task task = MakeTask("");
  task.payload_json.assign(RecentViews::kTaskBytesMax / 2, 'x');
  const std::size_t more = RecentViews::kBytesMax / task.payload_json.size() + 1;
  for (std::size_t i = 0; i < more; ++i) {
    task.id = "t" + std::to_string(i);
    views.Add(task, EventOf(task.id, 1));
  }
  EXPECT_FALSE(views.Get("t0"));
  EXPECT_TRUE(views.Get(task.id));
}

TEST(RecentViews, StaysWithinItsBytesWhenTasksGrow) {
  RecentViews views;
  const std::size_t count = RecentViews::kBytesMax / RecentViews::kTaskBytesMax * 3;
  for (std::size_t i = 0; i < count; ++i) views.Add(MakeTask("t" + std::to_string(i)), EventOf("e", 1));
  ASSERT_TRUE(views.Get("t0"));
  for (std::size_t i = 0; i < count; ++i) {
    TaskStep end = StepOf("t" + std::to_string(i));
    end.moved = true;
    end.result_json.assign(RecentViews::kTaskBytesMax / 2, 'x');
    views.Take({end});
  }
  EXPECT_FALSE(views.Get("t0"));
  EXPECT_TRUE(views.Get("t" + std::to_string(count - 1)));
}

}  // namespace
}  // namespace asya::storage::sqlite
