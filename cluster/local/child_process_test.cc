#include "cluster/local/child_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "core/base/clock.h"

namespace asya::cluster::local {
namespace {

using std::chrono::seconds;

TEST(ChildProcess, NamesAProgramThatIsNotThere) {
  ProgramStart start;
  start.arguments = {"no-such-program"};
  const auto child = ChildProcess::Start(start);
  ASSERT_FALSE(child.ok());
  EXPECT_EQ(child.error().message, "cannot start no-such-program: No such file or directory");
  start.arguments = {"/bin/cat"};
  start.folder = "/no-such-folder";
  EXPECT_FALSE(ChildProcess::Start(start).ok());
}

// Reads the end of the pipe of its control descriptor: proof that the child sees the server go.
TEST(ChildProcess, EndsWithItsControlPipe) {
  ProgramStart start;
  start.arguments = {"sh", "-c", "eval \"read x <&$ASYA_CONTROL_FD\"; exit 3"};
  start.environment = {{"PATH", "/usr/bin:/bin"}};
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const pid_t server = ::fork();
  ASSERT_GE(server, 0);
  if (server == 0) {
    start.parent_death_signal = 0;
    auto child = ChildProcess::Start(start);
    const ProcessMark mark = child.ok() ? child->mark() : ProcessMark{};
    [[maybe_unused]] const auto written = ::write(ends[1], &mark, sizeof mark);
    ::_exit(0);  // as a crash: nothing is cleaned up
  }
  ProcessMark mark;
  ASSERT_EQ(::read(ends[0], &mark, sizeof mark), static_cast<ssize_t>(sizeof mark));
  ::waitpid(server, nullptr, 0);
  ASSERT_GT(mark.pid, 0);
  const auto deadline = RealClock().Steady() + seconds(20);
  while (MarkOf(mark.pid) == mark && RealClock().Steady() < deadline) std::this_thread::yield();
  EXPECT_NE(MarkOf(mark.pid), mark);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(ChildProcess, AReloadThatComesTooEarlyDoesNotEndIt) {
  ProgramStart start;
  start.arguments = {"sh", "-c", "kill -HUP $$; exit 5"};
  start.environment = {{"PATH", "/usr/bin:/bin"}};
  auto child = ChildProcess::Start(start);
  ASSERT_TRUE(child.ok());
  const auto deadline = RealClock().Steady() + seconds(60);
  std::optional<std::string> how;
  while (!(how = child->Reap()) && RealClock().Steady() < deadline) std::this_thread::yield();
  EXPECT_EQ(how, "exited with status 5");
}

}  // namespace
}  // namespace asya::cluster::local
