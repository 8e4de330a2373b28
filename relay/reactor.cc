#include "relay/reactor.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <utility>

#include "relay/reactor_state.h"

namespace asya::relay {
namespace {

using Descriptor = boost::asio::posix::stream_descriptor;

void WaitForSignal(boost::asio::signal_set& signals, std::function<void()> on_signal) {
  signals.async_wait([&signals, on_signal = std::move(on_signal)](const boost::system::error_code& error, int) {
    if (error) return;
    on_signal();
    WaitForSignal(signals, on_signal);
  });
}

void WaitForEnd(Descriptor& descriptor, std::shared_ptr<char> byte, std::function<void()> on_end) {
  descriptor.async_read_some(
      boost::asio::buffer(byte.get(), 1),
      [&descriptor, byte, on_end = std::move(on_end)](const boost::system::error_code& error, std::size_t) {
        if (error == boost::asio::error::operation_aborted) return;
        if (error) {
          on_end();
        } else {
          WaitForEnd(descriptor, byte, on_end);
        }
      });
}

}  // namespace

Reactor::Reactor() : state_(std::make_unique<State>()) {}
Reactor::~Reactor() = default;

void Reactor::Run() {
  const auto guard = boost::asio::make_work_guard(state_->context);
  state_->context.run();
}

void Reactor::Stop() { state_->context.stop(); }

void Reactor::Post(std::function<void()> work) { boost::asio::post(state_->context, std::move(work)); }

void Reactor::OnTermination(std::function<void()> on_signal) {
  std::signal(SIGPIPE, SIG_IGN);
  state_->signals = std::make_unique<boost::asio::signal_set>(state_->context, SIGTERM, SIGINT);
  WaitForSignal(*state_->signals, std::move(on_signal));
}

void Reactor::OnEndOf(int descriptor, std::function<void()> on_end) {
  state_->watched.push_back(std::make_unique<Descriptor>(state_->context, descriptor));
  WaitForEnd(*state_->watched.back(), std::make_shared<char>(), std::move(on_end));
}

struct Timer::State {
  explicit State(boost::asio::io_context& context) : timer(context) {}
  boost::asio::steady_timer timer;
  // A wait that ended before it was cancelled is already queued; its number tells that it is no longer wanted.
  std::uint64_t round = 0;
  bool pending = false;
};

Timer::Timer(Reactor& reactor) : state_(std::make_shared<State>(reactor.state().context)) {}
Timer::~Timer() { Cancel(); }

void Timer::After(std::chrono::microseconds delay, std::function<void()> work) {
  const std::uint64_t round = ++state_->round;
  state_->pending = true;
  state_->timer.expires_after(delay);
  state_->timer.async_wait([state = state_, round, work = std::move(work)](const boost::system::error_code& error) {
    if (error || state->round != round) return;
    state->pending = false;
    work();
  });
}

void Timer::Cancel() {
  ++state_->round;
  state_->pending = false;
  state_->timer.cancel();
}

bool Timer::pending() const { return state_->pending; }

}  // namespace asya::relay
