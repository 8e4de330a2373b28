#include "cluster/local/event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace asya::cluster::local {
namespace {

constexpr int kEventsPerWait = 64;
constexpr std::chrono::milliseconds kLongestWait{std::chrono::hours(1)};

}  // namespace

EventLoop::EventLoop(const Clock& clock) : clock_(clock) {}

EventLoop::~EventLoop() { Stop(); }

Status EventLoop::Start() {
  epoll_.Reset(::epoll_create1(EPOLL_CLOEXEC));
  wake_.Reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!epoll_.valid() || !wake_.valid()) {
    return Fail(ErrorCode::kUnavailable, std::string("cannot make an event loop: ") + std::strerror(errno));
  }
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = wake_.get();
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event);
  stopping_ = false;
  thread_ = std::thread([this] { Run(); });
  return Ok();
}

void EventLoop::Stop() {
  if (!thread_.joinable()) return;
  Post([this] { stopping_ = true; });
  thread_.join();
}

void EventLoop::Post(std::function<void()> function) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(function));
  }
  const std::uint64_t one = 1;
  // A full counter means that a wake-up is due anyway.
  if (wake_.valid()) [[maybe_unused]]
    const auto written = ::write(wake_.get(), &one, sizeof one);
}

void EventLoop::Watch(int fd, std::function<void()> on_readable) {
  watched_[fd] = std::move(on_readable);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
}

void EventLoop::Unwatch(int fd) {
  if (watched_.erase(fd) > 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

EventLoop::TimerId EventLoop::After(std::chrono::microseconds delay, std::function<void()> function) {
  const TimerId timer = ++last_timer_;
  const SteadyTime at = clock_.Steady() + delay;
  timers_[{at, timer}] = std::move(function);
  timer_times_[timer] = at;
  return timer;
}

void EventLoop::Cancel(TimerId timer) {
  const auto found = timer_times_.find(timer);
  if (found == timer_times_.end()) return;
  timers_.erase({found->second, timer});
  timer_times_.erase(found);
}

int EventLoop::WaitTime_ms() const {
  if (timers_.empty()) return -1;
  const auto left = timers_.begin()->first.first - clock_.Steady();
  const auto bounded = std::clamp<SteadyTime::duration>(left, SteadyTime::duration::zero(), kLongestWait);
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(bounded).count());
}

void EventLoop::Run() {
  std::array<epoll_event, kEventsPerWait> events{};
  while (!stopping_) {
    const int count = ::epoll_wait(epoll_.get(), events.data(), kEventsPerWait, WaitTime_ms());
    for (int i = 0; i < count; ++i) {
      const int fd = events.at(static_cast<std::size_t>(i)).data.fd;
      if (fd == wake_.get()) {
        std::uint64_t value = 0;
        [[maybe_unused]] const auto got = ::read(wake_.get(), &value, sizeof value);
        continue;
      }
      // A handler before this one may have ended the watch.
      const auto watched = watched_.find(fd);
      if (watched == watched_.end()) continue;
      const auto on_readable = watched->second;
      on_readable();
    }
    RunTimers();
    RunPosted();
  }
}

void EventLoop::RunPosted() {
  std::vector<std::function<void()>> posted;
  {
    const std::lock_guard lock(mutex_);
    posted.swap(posted_);
  }
  for (const auto& function : posted) function();
}

void EventLoop::RunTimers() {
  const SteadyTime now = clock_.Steady();
  while (!timers_.empty() && timers_.begin()->first.first <= now) {
    const auto function = std::move(timers_.begin()->second);
    timer_times_.erase(timers_.begin()->first.second);
    timers_.erase(timers_.begin());
    function();
  }
}

}  // namespace asya::cluster::local
