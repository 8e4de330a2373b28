// Pardons: which deliveries of a message were lost by a relay that lives, and are therefore no crashes.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"

namespace asya::transports::rabbitmq {

// The broker counts every delivery that was never settled, whether its relay died or only its connection did. The
// deliveries of a message follow each other, so each has a number: how many were lost before it. A set of numbers is a
// bit for each, may be learned in any order and any number of times, and goes with every copy of the message.
using LossSet = std::uint64_t;
constexpr int kPardonableLossesMax = 64;        // of one message; more of them count, whoever lives
constexpr std::size_t kPardonsMax = 8192;       // messages known to have any; then those learned first are forgotten
constexpr std::chrono::hours kPardonedFor{24};  // longer than a message is held
constexpr std::size_t kPardonsPerNoticeMax = 1024;

struct Pardon {
  std::uint64_t print = 0;  // Memory::PrintOf(), which is the same in all processes of one standard library
  LossSet losses = 0;
};

// What relays of one actor tell each other.
struct Notice {
  // kTold: these are pardoned. kAsked: the same, and who knows of more is to say so.
  enum class Kind : std::uint8_t { kTold = 0, kAsked = 1 };
  Kind kind = Kind::kTold;
  std::vector<Pardon> pardons;  // kPardonsPerNoticeMax at most
};
std::string WriteNotice(const Notice& notice);
Result<Notice> ReadNotice(std::string_view bytes);

// The set of one loss; empty for a number beyond kPardonableLossesMax.
LossSet LossNumber(std::int64_t number);
// How many of the first `losses` are not pardoned.
std::int64_t CrashesAmong(std::int64_t losses, LossSet pardoned);

class Pardons {
 public:
  // Somebody else's, or what a message carries.
  void Learn(const Pardon& pardon, SteadyTime now);
  // Of a delivery that this process had, to be told to others as well.
  void Grant(const Pardon& pardon, SteadyTime now);
  [[nodiscard]] LossSet Of(std::uint64_t print, SteadyTime now) const;
  [[nodiscard]] bool has_untold() const { return !untold_.empty(); }
  // The next to be told, each with all that is known of it.
  std::vector<Pardon> TakeUntold(SteadyTime now);
  // Everything is to be told: this process ends.
  void TellAll();
  void Forget();

 private:
  struct Known {
    LossSet losses = 0;
    SteadyTime learned{};
  };
  struct Learned {
    std::uint64_t print = 0;
    SteadyTime at{};
  };
  std::unordered_map<std::uint64_t, Known> known_;
  std::deque<Learned> order_;         // an entry for each time that something new was learned
  std::deque<std::uint64_t> untold_;  // kPardonsMax at most
};

}  // namespace asya::transports::rabbitmq
