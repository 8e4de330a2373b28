// The Database under faults: killed writers, full disk, broken, foreign and unwritable files.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>
#include <vector>

#include "core/base/random.h"
#include "core/base/unique_fd.h"
#include "core/sql/sqlite/database.h"

namespace asya::sql::sqlite {
namespace {

using ::testing::HasSubstr;

class FaultsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "asya-sqlite-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    settings_.path = folder_ + "/test.db";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static Database::Job Insert(std::int64_t id, std::size_t size = 1000) {
    return [id, body = std::string(size, 'x')](Transaction& transaction) -> Status {
      ASYA_TRY(Statement* const insert, transaction.Prepare("INSERT INTO items(id, body) VALUES(?, ?)"));
      return insert->Bind(1, id).BindBlob(2, body).Run();
    };
  }
  static std::set<std::int64_t> Ids(Database& database) {
    std::set<std::int64_t> ids;
    const Status status = database.Read([&](Transaction& transaction) -> Status {
      ASYA_TRY(Statement* const rows, transaction.Prepare("SELECT id FROM items"));
      for (;;) {
        ASYA_TRY(const bool row, rows->Step());
        if (!row) return Ok();
        ids.insert(rows->Int(0));
      }
    });
    EXPECT_TRUE(status.ok());
    return ids;
  }
  Error OpenError() {
    auto opened = Database::Open(settings_, migrations_);
    EXPECT_FALSE(opened.ok());
    return opened.ok() ? Error{} : opened.error();
  }

  // Writes ids from `first` on until it is killed; tells each acknowledged one through the pipe.
  [[noreturn]] void WriteForEver(std::int64_t first, int pipe_fd) {
    auto database = Database::Open(settings_, migrations_).value();
    for (std::int64_t id = first;; ++id) {
      const Status submitted = database->Submit(Insert(id), [id, pipe_fd](const Status& status) {
        if (!status.ok() || write(pipe_fd, &id, sizeof(id)) != sizeof(id)) _exit(3);
      });
      if (submitted.ok()) continue;
      --id;
      std::this_thread::yield();
    }
  }

  std::string folder_;
  Settings settings_;
  std::vector<Migration> migrations_{
      Migration{"test", 1, "CREATE TABLE items(id INTEGER PRIMARY KEY, body BLOB) STRICT"}};
};

TEST_F(FaultsTest, NothingAcknowledgedIsLostWhenTheWriterIsKilled) {
  const std::uint64_t seed = SystemSeed();
  RecordProperty("seed", std::to_string(seed));
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  std::set<std::int64_t> acknowledged;
  constexpr int kRounds = 5;
  for (int round = 0; round < kRounds; ++round) {
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    UniqueFd reading(ends[0]);
    UniqueFd writing(ends[1]);
    const pid_t child = fork();
    if (child == 0) WriteForEver((round + 1) * 1'000'000, writing.get());
    writing.Reset();
    const std::int64_t wanted = random.Between(20, 400);
    std::int64_t id = 0;
    for (std::int64_t seen = 0; seen < wanted && read(reading.get(), &id, sizeof(id)) == sizeof(id); ++seen) {
      acknowledged.insert(id);
    }
    kill(child, SIGKILL);
    while (read(reading.get(), &id, sizeof(id)) == sizeof(id)) acknowledged.insert(id);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself with " << status;
  }
  ASSERT_GE(acknowledged.size(), 100U);
  auto database = Database::Open(settings_, migrations_).value();
  const auto found = Ids(*database);
  for (const std::int64_t id : acknowledged) EXPECT_TRUE(found.contains(id)) << id;
}

TEST_F(FaultsTest, AFullDiskFailsTheJobsAndIsRecoveredFrom) {
  auto database = Database::Open(settings_, migrations_).value();
  ASSERT_TRUE(database->Write(Insert(1)).ok());
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit tight{512 * 1024, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &tight), 0);
  Status failed = Ok();
  std::int64_t last = 1;
  while (failed.ok() && last < 100) failed = database->Write(Insert(++last, 100'000));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, ErrorCode::kUnavailable) << failed.error().message;
  EXPECT_FALSE(Ids(*database).contains(last));
  EXPECT_TRUE(database->Write(Insert(1000, 100'000)).ok());
  database->Stop();
  auto again = Database::Open(settings_, migrations_).value();
  const auto ids = Ids(*again);
  EXPECT_TRUE(ids.contains(1000));
  EXPECT_EQ(ids.size(), static_cast<std::size_t>(last));  // 1 … last-1, and 1000
}

TEST_F(FaultsTest, AFileThatIsNoDatabaseIsNamed) {
  std::ofstream(settings_.path) << std::string(10'000, 'z');
  const Error error = OpenError();
  EXPECT_EQ(error.code, ErrorCode::kInvalid);
  EXPECT_THAT(error.message, HasSubstr(settings_.path));
}

TEST_F(FaultsTest, ABrokenFileIsNamed) {
  {
    auto database = Database::Open(settings_, migrations_).value();
    for (std::int64_t id = 1; id < 200; ++id) ASSERT_TRUE(database->Write(Insert(id)).ok());
  }
  {
    std::fstream file(settings_.path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(100);
    file << std::string(3996, 'z');
  }
  const Error error = OpenError();
  EXPECT_EQ(error.code, ErrorCode::kInvalid);
  EXPECT_THAT(error.message, HasSubstr(settings_.path));
}

TEST_F(FaultsTest, ADatabaseOfAnotherProgramIsLeftAlone) {
  Database::Open(settings_, migrations_).value()->Stop();
  {
    // Bytes 68-71 of the header hold the application id.
    std::fstream file(settings_.path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(68);
    file << std::string(4, '\7');
  }
  const Error error = OpenError();
  EXPECT_EQ(error.code, ErrorCode::kInvalid);
  EXPECT_THAT(error.message, HasSubstr("another program"));
}

TEST_F(FaultsTest, AMissingFolderIsNamed) {
  settings_.path = folder_ + "/nowhere/test.db";
  const Error error = OpenError();
  EXPECT_EQ(error.code, ErrorCode::kNotFound);
  EXPECT_THAT(error.message, HasSubstr(settings_.path));
}

TEST_F(FaultsTest, AFolderInPlaceOfTheFileIsAnError) {
  std::filesystem::create_directory(settings_.path);
  EXPECT_THAT(OpenError().message, HasSubstr(settings_.path));
}

// Runs `body` in a child without privileges; its return value is the exit status.
template <class Body>
int InUnprivilegedChild(const Body& body) {
  const pid_t child = fork();
  if (child == 0) {
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(99);
    _exit(body());
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(FaultsTest, AReadOnlyFolderIsForbidden) {
  ASSERT_EQ(chmod(folder_.c_str(), 0555), 0);
  const int code = InUnprivilegedChild([&] { return static_cast<int>(OpenError().code); });
  EXPECT_EQ(code, static_cast<int>(ErrorCode::kForbidden));
  ASSERT_EQ(chmod(folder_.c_str(), 0755), 0);
}

TEST_F(FaultsTest, AReadOnlyFileIsForbidden) {
  Database::Open(settings_, migrations_).value()->Stop();
  ASSERT_EQ(chmod(folder_.c_str(), 0777), 0);
  ASSERT_EQ(chmod((settings_.path + ".lock").c_str(), 0666), 0);
  ASSERT_EQ(chmod(settings_.path.c_str(), 0444), 0);
  const int code = InUnprivilegedChild([&] { return static_cast<int>(OpenError().code); });
  EXPECT_EQ(code, static_cast<int>(ErrorCode::kForbidden));
}

}  // namespace
}  // namespace asya::sql::sqlite
