#include "server/watched_files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temporary_folder.h"

namespace asya::server {
namespace {

class WatchedFilesTest : public testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) { std::ofstream(Path(name)) << text; }
  [[nodiscard]] std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }
  [[nodiscard]] bool Counted(const std::string& outcome, int count) const {
    return metrics_.Text().find("asya_server_reloads_total{outcome=\"" + outcome + "\",what=\"pair\"} " +
                                std::to_string(count) + "\n") != std::string::npos;
  }
  void Watch() {
    Write("a", "1");
    Write("b", "1");
    files_.Add("pair", {Path("a"), Path("b")}, {"1", "1"}, [this](const std::vector<std::string>& texts) -> Status {
      if (texts[0] != texts[1]) return Invalid("", "no pair");
      used_.push_back(texts[0]);
      return Ok();
    });
  }

  tests::TemporaryFolder folder_;
  observe::Metrics metrics_;
  WatchedFiles files_{observe::Logger::Silent(), metrics_};
  std::vector<std::string> used_;
};

TEST_F(WatchedFilesTest, NewContentIsUsedOnceItFitsTogether) {
  Watch();
  files_.CheckNow();
  EXPECT_TRUE(used_.empty()) << "nothing has changed";
  Write("a", "2");
  files_.CheckNow();
  files_.CheckNow();
  EXPECT_TRUE(used_.empty());
  EXPECT_TRUE(Counted("refused", 1)) << "told once";
  Write("b", "2");
  files_.CheckNow();
  files_.CheckNow();
  EXPECT_EQ(used_, std::vector<std::string>{"2"});
  EXPECT_TRUE(Counted("taken", 1));
}

TEST_F(WatchedFilesTest, AFileThatIsAwayChangesNothing) {
  Watch();
  std::filesystem::remove(Path("a"));
  files_.CheckNow();
  files_.CheckNow();
  EXPECT_TRUE(Counted("refused", 1));
  Write("a", "1");
  files_.CheckNow();
  EXPECT_TRUE(used_.empty());
  std::filesystem::remove(Path("a"));
  files_.CheckNow();
  EXPECT_TRUE(Counted("refused", 2)) << "it was back meanwhile";
  Write("a", "3");
  Write("b", "3");
  files_.CheckNow();
  EXPECT_EQ(used_, std::vector<std::string>{"3"});
}

TEST_F(WatchedFilesTest, ALinkThatIsTurnedIsSeenByTheThread) {
  Write("one", "1");
  Write("two", "2");
  ASSERT_EQ(::symlink(Path("one").c_str(), Path("link").c_str()), 0);
  std::mutex mutex;
  std::condition_variable changed;
  std::string used;
  files_.Add("link", {Path("link")}, {"1"}, [&](const std::vector<std::string>& texts) {
    const std::lock_guard lock(mutex);
    used = texts[0];
    changed.notify_all();
    return Ok();
  });
  files_.Start();
  ASSERT_EQ(::symlink(Path("two").c_str(), Path("next").c_str()), 0);
  std::filesystem::rename(Path("next"), Path("link"));
  std::unique_lock lock(mutex);
  EXPECT_TRUE(changed.wait_for(lock, std::chrono::seconds(30), [&] { return used == "2"; }));
  lock.unlock();
  files_.Stop();
}

TEST_F(WatchedFilesTest, WhatIsNoSmallFileIsNamed) {
  EXPECT_NE(ReadSmallFile(Path("none")).error().message.find("No such file"), std::string::npos);
  EXPECT_NE(ReadSmallFile(folder_.path()).error().message.find("is a folder"), std::string::npos);
  Write("large", std::string(kWatchedFileBytesMax + 1, 'x'));
  EXPECT_EQ(ReadSmallFile(Path("large")).error().code, ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace asya::server
