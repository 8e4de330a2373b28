// A process that is killed in the middle of its writes loses nothing that it had acknowledged.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <sstream>
#include <thread>

#include "storage/conformance/object_store_suite.h"
#include "storage/conformance/temporary_folder.h"
#include "storage/sqlite/object_store.h"
#include "storage/sqlite/open_database.h"

namespace asya::storage::sqlite {
namespace {

using ports::Record;
using ports::Revision;

constexpr int kWriters = 3;
constexpr int kNames = 5;

Record MakeRecord(int writer, int name, int generation) {
  Record record;
  record.key = {"asyncactors", "w" + std::to_string(writer), "n" + std::to_string(name)};
  record.json =
      std::make_shared<const std::string>(R"({"metadata":{},"generation":)" + std::to_string(generation) + "}");
  return record;
}

int GenerationOf(const Record& record) { return std::stoi(record.json->substr(record.json->rfind(':') + 1)); }

// Writes until it is killed; tells each acknowledged write as one line: writer, name, generation, revision.
[[noreturn]] void WriteForEver(const std::string& path, int acknowledged) {
  const auto database = OpenDatabase(path);
  ObjectStore store(*database, RealClock());
  if (!store.Start().ok()) _exit(1);
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      for (int i = 0;; ++i) {
        const Record record = MakeRecord(writer, i % kNames, i / kNames);
        const auto written =
            i < kNames ? store.Create(record, conformance::kAuthor) : store.Update(record, {}, conformance::kAuthor);
        if (!written.ok()) _exit(2);
        std::ostringstream line;
        line << writer << ' ' << i % kNames << ' ' << i / kNames << ' ' << written->revision.get() << '\n';
        const std::string text = line.str();
        if (write(acknowledged, text.data(), text.size()) != static_cast<ssize_t>(text.size())) _exit(3);
      }
    });
  }
  for (auto& writer : writers) writer.join();
  _exit(4);
}

// Reads lines until `enough` have come, kills the child, and returns all that it had told.
std::string ReadThenKill(int acknowledged, pid_t child, std::ptrdiff_t enough) {
  std::string told;
  bool killed = false;
  char buffer[4096];
  for (;;) {
    const ssize_t got = read(acknowledged, buffer, sizeof buffer);
    if (got <= 0) break;
    told.append(buffer, static_cast<std::size_t>(got));
    if (!killed && std::count(told.begin(), told.end(), '\n') >= enough) killed = kill(child, SIGKILL) == 0;
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself with " << WEXITSTATUS(status);
  return told.substr(0, told.rfind('\n') + 1);
}

// The log has no holes: every revision from the first to the head is one event.
void CheckLog(ObjectStore& store) {
  const Revision head = *store.Head();
  const auto sink = std::make_shared<conformance::RecordingSink>();
  const auto watch = store.Watch({"asyncactors", std::nullopt}, Revision(1), sink);
  const auto events = sink->WaitForEvents(static_cast<std::size_t>(head.get() - 1));
  ASSERT_EQ(events.size(), static_cast<std::size_t>(head.get() - 1));
  for (std::size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i].record.revision.get(), static_cast<std::int64_t>(i) + 2);
  }
}

TEST(SqliteCrash, NothingAcknowledgedIsLost) {
  for (const std::ptrdiff_t enough : {1, 37, 150}) {
    const conformance::TemporaryFolder folder;
    const std::string path = folder.File("store.db");
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      close(ends[0]);
      WriteForEver(path, ends[1]);
    }
    close(ends[1]);
    std::istringstream told(ReadThenKill(ends[0], child, enough));
    close(ends[0]);

    const auto database = OpenDatabase(path);
    ASSERT_NE(database, nullptr);
    ObjectStore store(*database, RealClock());
    ASSERT_TRUE(store.Start().ok());
    int writer = 0;
    int name = 0;
    int generation = 0;
    std::int64_t revision = 0;
    std::ptrdiff_t checked = 0;
    while (told >> writer >> name >> generation >> revision) {
      const auto stored = store.Get(MakeRecord(writer, name, generation).key);
      ASSERT_TRUE(stored.ok()) << stored.error().message;
      EXPECT_GE(stored->revision.get(), revision);
      EXPECT_GE(GenerationOf(*stored), generation);
      EXPECT_LE(revision, store.Head()->get());
      ++checked;
    }
    EXPECT_GE(checked, enough);
    CheckLog(store);
  }
}

}  // namespace
}  // namespace asya::storage::sqlite
