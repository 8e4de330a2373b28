#include "relay/reactor.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <limits>
#include <utility>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "relay/reactor_state.h"

namespace asya::relay {
namespace {

constexpr int kEventsMax = 64;

std::atomic<int> signal_event{-1};

void TellSignal(int /*signal*/) {
  const int kept = errno;
  const std::uint64_t one = 1;
  static_cast<void>(!write(signal_event, &one, sizeof one));
  errno = kept;
}

UniqueFd MakeEvent() {
  UniqueFd event(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  ASYA_CHECK(event.valid());
  return event;
}

}  // namespace

Reactor::Reactor() : state_(std::make_unique<State>()) {
  state_->epoll = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  ASYA_CHECK(state_->epoll.valid());
  state_->wake = MakeEvent();
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  ASYA_CHECK(epoll_ctl(state_->epoll.get(), EPOLL_CTL_ADD, state_->wake.get(), &event) == 0);
}

Reactor::~Reactor() {
  for (const UniqueFd& descriptor : state_->descriptors) {
    int event = descriptor.get();
    signal_event.compare_exchange_strong(event, -1);
  }
  // What they hold may use the reactor to its end, and be the owner of a timer.
  state_->posted.clear();
  while (!state_->expiries.empty()) static_cast<void>(state_->TakeFirst());
  state_->watches.clear();
  while (!state_->ended.empty()) {
    const auto last = std::move(state_->ended.back());
    state_->ended.pop_back();
  }
}

void Reactor::Run() {
  state_->runner = std::this_thread::get_id();
  state_->read_buffer.resize(State::kReadBytes);
  while (!state_->stopped) {
    state_->RunTimers();
    for (int round = 0; round < State::kRoundsMax && state_->RunPosted(); ++round) {
    }
    if (!state_->stopped) state_->Wait();
  }
}

void Reactor::Stop() {
  state_->stopped = true;
  Post([] {});
}

void Reactor::Post(std::function<void()> work) {
  bool first = false;
  {
    const std::lock_guard lock(state_->mutex);
    first = state_->posted.empty();
    state_->posted.push_back(std::move(work));
  }
  // One wake-up serves all that come until it is answered; the reactor's own thread looks before it sleeps.
  if (!first || state_->runner.load() == std::this_thread::get_id()) return;
  const std::uint64_t one = 1;
  static_cast<void>(!write(state_->wake.get(), &one, sizeof one));
}

bool Reactor::State::RunPosted() {
  std::vector<std::function<void()>> works;
  {
    const std::lock_guard lock(mutex);
    works.swap(posted);
  }
  for (const auto& work : works) {
    if (!stopped) work();
  }
  return !works.empty();
}

Timer::Expiries::node_type Reactor::State::TakeFirst() {
  auto first = expiries.extract(expiries.begin());
  first.mapped().timer->pending_ = false;
  return first;
}

void Reactor::State::RunTimers() {
  if (expiries.empty()) return;
  const auto now = RealClock().Steady();
  while (!stopped && !expiries.empty() && expiries.begin()->first <= now) {
    TakeFirst().mapped().work();
  }
}

int Reactor::State::TimeoutMs() {
  {
    const std::lock_guard lock(mutex);
    if (!posted.empty()) return 0;
  }
  if (expiries.empty()) return -1;
  const auto left = expiries.begin()->first - RealClock().Steady();
  const auto left_ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return static_cast<int>(std::clamp<std::int64_t>(left_ms, 0, std::numeric_limits<int>::max()));
}

void Reactor::State::Wait() {
  std::array<epoll_event, kEventsMax> events{};
  const int count = epoll_wait(epoll.get(), events.data(), kEventsMax, TimeoutMs());
  for (int i = 0; i < count && !stopped; ++i) {
    const epoll_event& event = events.at(static_cast<std::size_t>(i));
    auto* const watch = static_cast<Watch::State*>(event.data.ptr);
    if (watch == nullptr || watch->ended) continue;  // the wake-up, or nobody's any more
    const bool over = (event.events & (EPOLLERR | EPOLLHUP)) != 0;
    watch->on_ready(over || (event.events & EPOLLIN) != 0, over || (event.events & EPOLLOUT) != 0);
  }
  ended.clear();
}

void Reactor::State::Listen(Watch::State& watch, unsigned events) const {
  const unsigned before = std::exchange(watch.events, events);
  if (before == events) return;
  epoll_event event{};
  event.events = events;
  event.data.ptr = &watch;
  if (events == 0) {
    // A descriptor that was closed is forgotten already.
    epoll_ctl(epoll.get(), EPOLL_CTL_DEL, watch.descriptor, &event);
  } else {
    const int change = before == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    ASYA_CHECK(epoll_ctl(epoll.get(), change, watch.descriptor, &event) == 0);
  }
}

Watch::Watch(Reactor& reactor, int descriptor, OnReady on_ready)
    : reactor_(reactor), state_(std::make_shared<State>(State{descriptor, std::move(on_ready)})) {}

Watch::~Watch() {
  Want(false, false);
  state_->ended = true;
  reactor_.state().ended.push_back(std::move(state_));
}

void Watch::Want(bool to_read, bool to_write) {
  reactor_.state().Listen(*state_, (to_read ? EPOLLIN : 0U) | (to_write ? EPOLLOUT : 0U));
}

void Timer::After(std::chrono::microseconds delay, std::function<void()> work) {
  Cancel();
  at_ = reactor_.state().expiries.emplace(RealClock().Steady() + delay, Expiry{this, std::move(work)});
  pending_ = true;
}

void Timer::Cancel() {
  if (!std::exchange(pending_, false)) return;
  // What it holds may set this timer anew when it goes.
  const auto cancelled = reactor_.state().expiries.extract(at_);
}

void Reactor::OnTermination(std::function<void()> on_signal) {
  std::signal(SIGPIPE, SIG_IGN);
  const int event = state_->descriptors.emplace_back(MakeEvent()).get();
  signal_event = event;
  state_->watches.push_back(
      std::make_unique<Watch>(*this, event, [event, on_signal = std::move(on_signal)](bool, bool) {
        std::uint64_t count = 0;
        static_cast<void>(!read(event, &count, sizeof count));
        for (; count > 0; --count) on_signal();
      }));
  state_->watches.back()->Want(true, false);
  struct sigaction action {};
  action.sa_handler = TellSignal;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGTERM, SIGINT}) ASYA_CHECK(sigaction(signal, &action, nullptr) == 0);
}

void Reactor::OnEndOf(int descriptor, std::function<void()> on_end) {
  state_->descriptors.emplace_back(descriptor);
  const std::size_t number = state_->watches.size();
  state_->watches.push_back(
      std::make_unique<Watch>(*this, descriptor, [this, number, descriptor, on_end = std::move(on_end)](bool, bool) {
        std::array<char, 64> said{};
        const ssize_t size = read(descriptor, said.data(), said.size());
        if (size > 0 || (size < 0 && (errno == EINTR || errno == EAGAIN))) return;
        state_->watches[number]->Want(false, false);
        on_end();
      }));
  state_->watches.back()->Want(true, false);
}

}  // namespace asya::relay
