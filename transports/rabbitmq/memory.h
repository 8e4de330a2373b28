// Memory: what a consumer that lost its connection knows of the messages that will come again.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string_view>
#include <unordered_map>

#include "core/base/clock.h"

namespace asya::transports::rabbitmq {

// What was leased when a connection broke comes again, perhaps to this process, which has not died: what it had settled
// is done though its ack was lost. That what it had leased is not suspect is kept by Pardons.
class Memory {
 public:
  // What identifies a message to itself: the same bytes under the same id.
  static std::uint64_t PrintOf(std::string_view message_id, std::string_view body);

  // An ack was ordered for a message that was processed to its end.
  void Settled(std::uint64_t print);
  // At the loss of the connection, for each delivery not acknowledged.
  void LostLease(std::uint64_t print);
  void LostSettled(std::uint64_t print);
  // After all of them: acks of the last moments may not have arrived.
  void Lost(SteadyTime now);
  void Forget();

  // What became here of a message that is delivered again; kSettled: acknowledge it again.
  enum class Recalled : std::uint8_t { kUnknown, kLeased, kSettled };
  Recalled Recall(std::uint64_t print, SteadyTime now);

 private:
  struct Known {
    std::size_t leased = 0;
    std::size_t settled = 0;
  };
  std::unordered_map<std::uint64_t, Known> lost_;  // bounded by the leases of one connection and kRecentMax
  std::deque<std::uint64_t> recent_;               // acked last
  SteadyTime until_{};
};

}  // namespace asya::transports::rabbitmq
