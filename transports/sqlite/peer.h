// Peer: what the broker tells whoever consumes one of its queues: over a connection, or within this process.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace asya::transports::sqlite {

// Called on the broker's thread.
class Peer {
 public:
  virtual ~Peer() = default;
  // Its queue is there.
  virtual void Welcome(std::chrono::milliseconds lease, std::size_t message_limit_bytes) = 0;
  // Its queue is not there yet, or no more, and with it all that was leased.
  virtual void Waiting(const std::string& reason) = 0;
  // `body` is valid during the call.
  virtual void Deliver(std::uint64_t tag, std::int64_t crash_count, std::int64_t since_us, std::string_view body) = 0;
  virtual void Settled(std::uint64_t tag, const Status& status) = 0;
  // Of what was said above and not taken yet.
  [[nodiscard]] virtual std::size_t unsent_bytes() const = 0;
  // Hands over as much as it takes. kClosed: it is gone.
  virtual Status Flush() = 0;
};

}  // namespace asya::transports::sqlite
