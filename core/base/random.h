// Random: seeded, injected randomness; the seed of a failed run can be given back.
#pragma once

#include <cstdint>
#include <mutex>
#include <random>
#include <string>

#include "core/base/clock.h"

namespace asya {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  // Uniform in [low, high].
  std::int64_t Between(std::int64_t low, std::int64_t high) {
    const std::lock_guard lock(mutex_);
    return std::uniform_int_distribution<std::int64_t>(low, high)(engine_);
  }
  // Uniform in [0, 1).
  double Unit() {
    const std::lock_guard lock(mutex_);
    return std::uniform_real_distribution<double>(0.0, 1.0)(engine_);
  }

 private:
  std::mutex mutex_;
  std::mt19937_64 engine_;
};

// A seed from the operating system.
std::uint64_t SystemSeed();
// RFC 9562 version 4 UUID from the operating system's randomness, lower case with dashes.
std::string NewUuid();
// RFC 9562 version 7 UUID: later ones sort after earlier ones by the millisecond, so that an index of them grows at its
// end.
std::string NewOrderedUuid(WallTime now);
// `bytes` random bytes from the operating system as lower case hex; for tokens.
std::string RandomHex(std::size_t bytes);

}  // namespace asya
