#include "relay/reactor_driver.h"

#include <utility>

namespace asya::relay {

void ReactorDriver::Begin(std::function<void()> turn) {
  turn_ = std::move(turn);
  Soon();
}

void ReactorDriver::Soon() {
  if (!due_.exchange(true)) reactor_.Post([this] { Turn(); });
}

void ReactorDriver::Turn() {
  due_ = false;
  if (turn_) turn_();
}

void ReactorDriver::Await(std::vector<pollfd>& sockets, SteadyTime until, bool same) {
  if (!same) watches_.clear();
  sockets_ = &sockets;
  WatchSockets();
  // A timer that comes too early costs a turn in which nothing is done; setting it anew at each turn costs more.
  if (until == SteadyTime::max() || (timer_.pending() && timer_at_ <= until)) return;
  timer_at_ = until;
  const auto left = std::chrono::ceil<std::chrono::microseconds>(until - RealClock().Steady());
  timer_.After(left, [this] { Soon(); });
}

void ReactorDriver::WatchSockets() {
  for (std::size_t i = 0; i < sockets_->size(); ++i) {
    pollfd& socket = (*sockets_)[i];
    socket.revents = 0;
    if (watches_.size() == i) {
      watches_.push_back(std::make_unique<Watch>(
          reactor_, socket.fd, [this, i](bool readable, bool writable) { Ready(i, readable, writable); }));
    }
    watches_[i]->Want((socket.events & POLLIN) != 0, (socket.events & POLLOUT) != 0);
  }
}

void ReactorDriver::Ready(std::size_t socket, bool readable, bool writable) {
  const int ready = (readable ? POLLIN : 0) | (writable ? POLLOUT : 0);
  (*sockets_)[socket].revents = static_cast<short>(ready);
  Soon();
}

void ReactorDriver::Leave() {
  turn_ = nullptr;
  watches_.clear();
  timer_.Cancel();
}

}  // namespace asya::relay
