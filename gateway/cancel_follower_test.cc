#include "gateway/cancel_follower.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

#include "storage/conformance/temporary_folder.h"
#include "storage/sqlite/schema.h"
#include "storage/sqlite/task_store.h"

namespace asya::gateway {
namespace {

constexpr std::chrono::seconds kPatience{30};

class Relay final : public http::Stream {
 public:
  bool Write(std::string bytes) override {
    const std::lock_guard lock(mutex_);
    text_ += bytes;
    changed_.notify_all();
    return true;
  }
  void Close() override {}
  void OnClosed(std::function<void()>) override {}

  // How often it had been told of this one, when it was told of `last`.
  std::size_t TimesBefore(const std::string& id, const std::string& last) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kPatience, [&] { return text_.find(last) != std::string::npos; })) return 0;
    std::size_t times = 0;
    for (std::size_t at = text_.find(id); at != std::string::npos; at = text_.find(id, at + 1)) ++times;
    return times;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string text_;
};

TEST(CancelFollower, TellsOnceWhatAnotherServerOfTheStoreHasCanceled) {
  storage::conformance::TemporaryFolder folder;
  sql::sqlite::Settings settings;
  settings.path = folder.File("test.db");
  const auto database = sql::sqlite::Database::Open(settings, storage::sqlite::Migrations()).value();
  storage::sqlite::TaskStore tasks(*database, RealClock(), [](auto&, const ports::FirstMessage&) { return Ok(); });
  ASSERT_TRUE(tasks.Start().ok());
  CancelFeed feed;
  const auto relay = std::make_shared<Relay>();
  feed.Add(relay, std::nullopt, [] { return std::vector<ports::CanceledTask>(); });
  CancelFollower follower({tasks, feed, RealClock(), observe::Logger::Silent()},
                          Periodic::Every(std::chrono::milliseconds(1)));
  follower.Start();
  for (const char* id : {"first", "second", "third"}) {
    ports::Task task;
    task.id = id;
    task.payload_json = "{}";
    ASSERT_TRUE(tasks.Create(task, {"queue", "body"}, std::nullopt).ok());
    ASSERT_TRUE(tasks.Cancel(id).ok());
    EXPECT_EQ(relay->TimesBefore(id, id), 1U);
  }
  EXPECT_EQ(relay->TimesBefore("first", "third"), 1U) << "though it is listed at every look";
  follower.Stop();
  database->Stop();
}

}  // namespace
}  // namespace asya::gateway
