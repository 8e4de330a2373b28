// Clock: the only source of time in the product, so that tests and the simulator can turn it.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace asya {

using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;
using SteadyTime = std::chrono::steady_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  // Time of day, UTC; may jump.
  [[nodiscard]] virtual WallTime Now() const = 0;
  // For durations and deadlines; never goes back.
  [[nodiscard]] virtual SteadyTime Steady() const = 0;
};

// The machine's clock; stateless, one shared instance.
const Clock& RealClock();

// Turned by hand; may be read by other threads meanwhile.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(WallTime now = WallTime(std::chrono::seconds(1'700'000'000))) : now_(now) {}
  [[nodiscard]] WallTime Now() const override { return now_; }
  [[nodiscard]] SteadyTime Steady() const override { return steady_; }
  // By one thread at a time.
  void Advance(std::chrono::microseconds by) {
    now_ = now_.load() + by;
    steady_ = steady_.load() + by;
  }

 private:
  std::atomic<WallTime> now_;
  std::atomic<SteadyTime> steady_{SteadyTime(std::chrono::hours(1))};
};

// RFC 3339 in UTC: "2026-11-18T12:00:00Z", or with microseconds "2026-11-18T12:00:00.123456Z".
std::string FormatRfc3339(WallTime time, bool with_microseconds = false);
// The same at the end of `out`.
void AppendRfc3339(std::string& out, WallTime time, bool with_microseconds = false);
// Accepts any RFC 3339 time with offset or Z and up to nine fraction digits.
std::optional<WallTime> ParseRfc3339(std::string_view text);

// Go duration strings ("1h30m", "600s", "1.5s", "250ms"), as Kubernetes APIs use them; nullopt when malformed or
// negative.
std::optional<std::chrono::microseconds> ParseGoDuration(std::string_view text);

}  // namespace asya
