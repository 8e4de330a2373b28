// Confirms: which publishes the broker has taken, given its acks and returns in any order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>

#include "core/base/clock.h"

namespace asya::transports::rabbitmq {

// A ring of the publishes that are not confirmed, in the order of their tags.
class Confirms {
 public:
  enum class Outcome { kTaken, kRefused, kReturned };
  using Done = std::function<void(std::uint64_t tag, std::uint64_t owner, Outcome outcome)>;

  // The tag of a publish that is sent now (1 for the first, as the broker counts). `owner` names whose it is.
  std::uint64_t Add(std::uint64_t owner, std::size_t bytes, SteadyTime now);
  // The broker could not route this one; its confirm follows.
  // False: no such message waits for its confirm.
  bool Returned(std::uint64_t tag);
  // A basic.ack or basic.nack; `done` is called once for each publish that it settles. False: a tag never given.
  bool Settle(std::uint64_t tag, bool multiple, bool taken, const Done& done);

  [[nodiscard]] std::size_t count() const { return open_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  // When the oldest was sent; SteadyTime::max() if there is none.
  [[nodiscard]] SteadyTime oldest() const;

 private:
  struct Entry {
    std::uint64_t owner = 0;
    std::size_t bytes = 0;
    SteadyTime sent_at{};
    bool returned = false;
    bool settled = false;
  };
  void SettleOne(std::uint64_t tag, bool taken, const Done& done);

  std::deque<Entry> ring_;   // bounded by the window of whoever publishes
  std::uint64_t first_ = 1;  // tag of ring_.front()
  std::size_t open_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace asya::transports::rabbitmq
