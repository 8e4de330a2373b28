#include "cluster/local/child_process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>

namespace asya::cluster::local {
namespace {

constexpr auto kByDescriptor = static_cast<idtype_t>(3);  // P_PIDFD, which GNU C++ 12 does not name

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Result<Pipe> MakePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return Fail(ErrorCode::kUnavailable, std::string("cannot make a pipe: ") + std::strerror(errno));
  }
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// What the child needs, made before the fork: after it nothing may allocate.
struct Prepared {
  std::string program;
  std::vector<std::string> environment_texts;
  std::vector<char*> arguments;
  std::vector<char*> environment;
  const char* folder = nullptr;
  int death_signal = 0;
  pid_t parent = 0;
  int output = -1;
  int control = -1;
  int failure = -1;
};

// The program as execve takes it: the first match in PATH.
std::string FindProgram(const std::string& name, const std::map<std::string, std::string>& environment) {
  if (name.find('/') != std::string::npos) return name;
  const auto path = environment.find("PATH");
  std::istringstream folders(path == environment.end() ? "/usr/bin:/bin" : path->second);
  for (std::string folder; std::getline(folders, folder, ':');) {
    std::string candidate = (folder.empty() ? "." : folder) + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return name;
}

[[noreturn]] void BecomeProgram(const Prepared& prepared) {
  const auto fail = [&prepared] {
    const int error = errno;
    [[maybe_unused]] const auto written = ::write(prepared.failure, &error, sizeof error);
    ::_exit(127);
  };
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, prepared.death_signal);
  if (::getppid() != prepared.parent) ::_exit(127);  // the parent ended before the line above
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::signal(SIGXFSZ, SIG_DFL);
  // A reload may be asked for before the program can take it; it has not read its code yet then, so nothing is missed.
  ::signal(SIGHUP, SIG_IGN);
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (nothing < 0 || ::dup2(nothing, 0) < 0) fail();
  if (::dup2(prepared.output, 1) < 0 || ::dup2(prepared.output, 2) < 0) fail();
  // Also descriptors that some library opened without the flag stay here.
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  if (::fcntl(prepared.control, F_SETFD, 0) != 0) fail();
  if (prepared.folder != nullptr && ::chdir(prepared.folder) != 0) fail();
  ::execve(prepared.program.c_str(), prepared.arguments.data(), prepared.environment.data());
  fail();
  ::_exit(127);
}

Prepared Prepare(const ProgramStart& start, int control_fd) {
  Prepared prepared;
  prepared.program = FindProgram(start.arguments.front(), start.environment);
  auto environment = start.environment;
  environment["ASYA_CONTROL_FD"] = std::to_string(control_fd);
  for (const auto& [name, value] : environment) {
    std::string& text = prepared.environment_texts.emplace_back(name);
    text += '=';
    text += value;
  }
  for (auto& text : prepared.environment_texts) prepared.environment.push_back(text.data());
  prepared.environment.push_back(nullptr);
  for (const auto& argument : start.arguments) prepared.arguments.push_back(const_cast<char*>(argument.c_str()));
  prepared.arguments.push_back(nullptr);
  prepared.folder = start.folder.empty() ? nullptr : start.folder.c_str();
  prepared.death_signal = start.parent_death_signal;
  prepared.parent = ::getpid();
  return prepared;
}

Error CannotStart(const std::string& program, int error) {
  return Fail(ErrorCode::kUnavailable, "cannot start " + program + ": " + std::strerror(error));
}

}  // namespace

std::optional<ProcessMark> MarkOf(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  if (!std::getline(file, text)) return std::nullopt;
  // The name in parentheses may hold blanks and parentheses itself; the fields after it do not.
  const auto end_of_name = text.rfind(')');
  if (end_of_name == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(end_of_name + 1));
  std::string state;
  fields >> state;
  if (state == "Z" || state == "X") return std::nullopt;
  std::string skipped;
  constexpr int kFieldsBetweenStateAndStart = 18;
  for (int i = 0; i < kFieldsBetweenStateAndStart; ++i) fields >> skipped;
  ProcessMark mark{pid, 0};
  fields >> mark.start_time;
  return fields ? std::optional(mark) : std::nullopt;
}

Result<ChildProcess> ChildProcess::Start(const ProgramStart& start) {
  ASYA_TRY(auto output, MakePipe());
  ASYA_TRY(auto control, MakePipe());
  ASYA_TRY(auto failure, MakePipe());
  ::fcntl(output.read.get(), F_SETFL, O_NONBLOCK);
  Prepared prepared = Prepare(start, control.read.get());
  prepared.output = output.write.get();
  prepared.control = control.read.get();
  prepared.failure = failure.write.get();
  const pid_t pid = ::fork();
  if (pid < 0) return CannotStart(prepared.program, errno);
  if (pid == 0) BecomeProgram(prepared);
  ::setpgid(pid, pid);  // also here: a signal to the group may come before the child's own call
  failure.write.Reset();
  int error = 0;
  if (::read(failure.read.get(), &error, sizeof error) == static_cast<ssize_t>(sizeof error)) {
    ::waitpid(pid, nullptr, 0);
    return CannotStart(prepared.program, error);
  }
  ChildProcess child;
  child.end_.Reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!child.end_.valid()) {
    const int cause = errno;
    ::kill(-pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return CannotStart(prepared.program, cause);
  }
  ::fcntl(child.end_.get(), F_SETFD, FD_CLOEXEC);
  // It cannot have been reaped yet, so the pid is still its own.
  child.mark_ = MarkOf(pid).value_or(ProcessMark{pid, 0});
  child.output_ = std::move(output.read);
  child.control_ = std::move(control.write);
  return child;
}

void ChildProcess::Signal(int signal) const { ::syscall(SYS_pidfd_send_signal, end_.get(), signal, nullptr, 0); }

void ChildProcess::KillGroup() const {
  if (mark_.pid > 0) ::kill(-mark_.pid, SIGKILL);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : mark_(std::exchange(other.mark_, ProcessMark{})),
      end_(std::move(other.end_)),
      output_(std::move(other.output_)),
      control_(std::move(other.control_)) {}

ChildProcess::~ChildProcess() {
  if (mark_.pid == 0) return;
  KillGroup();
  siginfo_t info{};
  ::waitid(kByDescriptor, static_cast<id_t>(end_.get()), &info, WEXITED);
}

std::optional<std::string> ChildProcess::Reap() {
  const auto id = static_cast<id_t>(end_.get());
  siginfo_t info{};
  if (::waitid(kByDescriptor, id, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return std::nullopt;
  // Before it is reaped, while its pid cannot become another group's.
  KillGroup();
  ::waitid(kByDescriptor, id, &info, WEXITED);
  mark_ = ProcessMark{};
  if (info.si_code == CLD_EXITED) return "exited with status " + std::to_string(info.si_status);
  return "was ended by signal " + std::to_string(info.si_status) + " (" + ::strsignal(info.si_status) + ")";
}

}  // namespace asya::cluster::local
