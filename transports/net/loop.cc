#include "transports/net/loop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace asya::transports::net {

Status Loop::Open() {
  event_ = UniqueFd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!event_.valid()) return Fail(ErrorCode::kUnavailable, std::string("eventfd: ") + std::strerror(errno));
  return Ok();
}

bool Loop::Put(Letter letter) {
  const std::lock_guard lock(mutex_);
  letters_.push_back(std::move(letter));
  return letters_.size() == 1;
}

void Loop::Post(Letter letter) {
  const std::lock_guard lock(mutex_);
  letters_.push_back(std::move(letter));
  // One wake-up is enough until Take. It cannot fail: the counter is far from full.
  if (std::exchange(woken_, true)) return;
  const std::uint64_t one = 1;
  static_cast<void>(!write(event_.get(), &one, sizeof one));
}

std::vector<Loop::Letter> Loop::Take() {
  const std::lock_guard lock(mutex_);
  std::vector<Letter> taken;
  taken.swap(letters_);
  std::uint64_t count = 0;
  if (std::exchange(woken_, false)) static_cast<void>(!read(event_.get(), &count, sizeof count));
  return taken;
}

void Loop::Wait(std::vector<pollfd>& sockets, SteadyTime until) {
  constexpr std::int64_t kLongestMs = 3'600'000;
  sockets.push_back(pollfd{event_.get(), POLLIN, 0});
  std::int64_t left_ms = kLongestMs;
  if (until != SteadyTime::max()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock_.Steady()).count();
    left_ms = std::clamp<std::int64_t>(left, 0, kLongestMs);
  }
  poll(sockets.data(), sockets.size(), static_cast<int>(left_ms));
  sockets.pop_back();
}

}  // namespace asya::transports::net
