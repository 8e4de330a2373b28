#include "cluster/local/container.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace asya::cluster::local {
namespace {

constexpr std::size_t kReadSize_bytes = 16 << 10;
// Bounds what one chatty program may take of the loop before others get their turn.
constexpr int kReadsPerTurn = 8;

std::string Seconds(std::chrono::milliseconds pause) {
  if (pause < std::chrono::seconds(1)) return std::to_string(pause.count()) + " ms";
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(pause).count()) + " s";
}

}  // namespace

Container::Container(EventLoop& loop, const Clock& clock, LogFile& log, std::string name, ProgramStart program,
                     Events events)
    : loop_(loop),
      clock_(clock),
      log_(log),
      name_(std::move(name)),
      program_(std::move(program)),
      events_(std::move(events)) {}

Container::~Container() {
  loop_.Cancel(restart_);
  if (child_) StopWatching();
}

void Container::Start() {
  restart_ = 0;
  auto child = ChildProcess::Start(program_);
  started_at_ = clock_.Steady();
  if (!child.ok()) {
    log_.Write(name_, child.error().message);
    StartLater(child.error().message);
    if (events_.on_ended) events_.on_ended();
    return;
  }
  child_.emplace(std::move(*child));
  output_open_ = true;
  loop_.Watch(child_->end_fd(), [this] { OnEnd(); });
  loop_.Watch(child_->output_fd(), [this] { OnOutput(); });
  if (events_.on_started) events_.on_started();
}

void Container::Forbid() {
  forbidden_ = true;
  loop_.Cancel(restart_);
  restart_ = 0;
}

void Container::Signal(int signal) const {
  if (child_) child_->Signal(signal);
}

void Container::KillGroup() const {
  if (child_) child_->KillGroup();
}

void Container::OnOutput() {
  const auto write = [this](std::string_view line) { log_.Write(name_, line); };
  std::array<char, kReadSize_bytes> buffer{};
  for (int turn = 0; turn < kReadsPerTurn; ++turn) {
    const ssize_t size = ::read(child_->output_fd(), buffer.data(), buffer.size());
    if (size > 0) {
      lines_.Add(std::string_view(buffer.data(), static_cast<std::size_t>(size)), write);
      continue;
    }
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    lines_.Finish(write);
    loop_.Unwatch(child_->output_fd());
    output_open_ = false;
    return;
  }
}

void Container::StopWatching() {
  loop_.Unwatch(child_->end_fd());
  if (output_open_) loop_.Unwatch(child_->output_fd());
  output_open_ = false;
}

void Container::OnEnd() {
  const auto how = child_->Reap();
  if (!how) return;
  if (output_open_) OnOutput();  // its last words
  lines_.Finish([this](std::string_view line) { log_.Write(name_, line); });
  StopWatching();
  child_.reset();
  log_.Write(name_, *how);
  if (!forbidden_) StartLater(name_ + " " + *how);
  if (events_.on_ended) events_.on_ended();
}

void Container::StartLater(const std::string& cause) {
  if (forbidden_) return;
  if (clock_.Steady() - started_at_ >= kCalmTime) pause_ = kFirstRestartPause;
  trouble_ = cause + "; next start in " + Seconds(pause_);
  restart_ = loop_.After(pause_, [this] {
    ++restarts_;
    Start();
  });
  pause_ = std::min(pause_ * 2, kLongestRestartPause);
}

}  // namespace asya::cluster::local
