#include "core/base/clock.h"

#include <array>
#include <cctype>
#include <cmath>
#include <string>

namespace asya {
namespace {

using std::chrono::microseconds;

class MachineClock final : public Clock {
 public:
  [[nodiscard]] WallTime Now() const override {
    return std::chrono::time_point_cast<microseconds>(std::chrono::system_clock::now());
  }
  [[nodiscard]] SteadyTime Steady() const override { return std::chrono::steady_clock::now(); }
};

bool TakeDigits(std::string_view& text, std::size_t count, int& out) {
  if (text.size() < count) return false;
  int value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (std::isdigit(static_cast<unsigned char>(text[i])) == 0) return false;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  out = value;
  return true;
}

bool TakeChar(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

bool TakeFraction(std::string_view& text, microseconds& out) {
  if (!TakeChar(text, '.')) return true;
  std::int64_t value = 0;
  std::size_t digits = 0;
  while (!text.empty() && std::isdigit(static_cast<unsigned char>(text.front())) != 0) {
    if (digits < 6) value = value * 10 + (text.front() - '0');
    ++digits;
    text.remove_prefix(1);
  }
  if (digits == 0 || digits > 9) return false;
  for (std::size_t i = digits; i < 6; ++i) value *= 10;
  out = microseconds(value);
  return true;
}

bool TakeOffset(std::string_view& text, std::chrono::minutes& out) {
  if (TakeChar(text, 'Z') || TakeChar(text, 'z')) return text.empty();
  const bool negative = !text.empty() && text.front() == '-';
  if (!negative && (text.empty() || text.front() != '+')) return false;
  text.remove_prefix(1);
  int hours = 0;
  int minutes = 0;
  if (!TakeDigits(text, 2, hours) || !TakeChar(text, ':') || !TakeDigits(text, 2, minutes)) return false;
  if (!text.empty() || hours > 23 || minutes > 59) return false;
  out = std::chrono::minutes((hours * 60 + minutes) * (negative ? -1 : 1));
  return true;
}

// The last digits of the number; returns where they end.
char* PutDigits(char* at, unsigned number, unsigned digits) {
  for (unsigned i = digits; i-- > 0; number /= 10) at[i] = static_cast<char>('0' + number % 10);
  return at + digits;
}

}  // namespace

const Clock& RealClock() {
  // Never destroyed: threads that outlive main read it.
  static const MachineClock& clock = *new MachineClock;
  return clock;
}

void AppendRfc3339(std::string& out, WallTime time, bool with_microseconds) {
  constexpr int kFourDigits = 10'000;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(seconds);
  const std::chrono::year_month_day date(day);
  const auto second_of_day = static_cast<unsigned>((seconds - day).count());
  const int year = static_cast<int>(date.year());
  std::array<char, 32> text{};
  char* at = text.data();
  if (year < 0 || year >= kFourDigits) {
    out += std::to_string(year);
  } else {
    at = PutDigits(at, static_cast<unsigned>(year), 4);
  }
  *at++ = '-';
  at = PutDigits(at, static_cast<unsigned>(date.month()), 2);
  *at++ = '-';
  at = PutDigits(at, static_cast<unsigned>(date.day()), 2);
  *at++ = 'T';
  at = PutDigits(at, second_of_day / 3600, 2);
  *at++ = ':';
  at = PutDigits(at, second_of_day / 60 % 60, 2);
  *at++ = ':';
  at = PutDigits(at, second_of_day % 60, 2);
  if (with_microseconds) {
    *at++ = '.';
    at = PutDigits(at, static_cast<unsigned>((time - seconds).count()), 6);
  }
  *at++ = 'Z';
  out.append(text.data(), at);
}

std::string FormatRfc3339(WallTime time, bool with_microseconds) {
  std::string out;
  AppendRfc3339(out, time, with_microseconds);
  return out;
}

std::optional<WallTime> ParseRfc3339(std::string_view text) {
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (!TakeDigits(text, 4, year) || !TakeChar(text, '-') || !TakeDigits(text, 2, month) || !TakeChar(text, '-') ||
      !TakeDigits(text, 2, day)) {
    return std::nullopt;
  }
  if (!TakeChar(text, 'T') && !TakeChar(text, 't')) return std::nullopt;
  if (!TakeDigits(text, 2, hour) || !TakeChar(text, ':') || !TakeDigits(text, 2, minute) || !TakeChar(text, ':') ||
      !TakeDigits(text, 2, second)) {
    return std::nullopt;
  }
  microseconds fraction{0};
  std::chrono::minutes offset{0};
  if (!TakeFraction(text, fraction) || !TakeOffset(text, offset)) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return WallTime(std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours(hour) +
                  std::chrono::minutes(minute) + std::chrono::seconds(second) + fraction - offset);
}

std::optional<microseconds> ParseGoDuration(std::string_view text) {
  if (text == "0") return microseconds(0);
  if (text.empty()) return std::nullopt;
  constexpr double kMaxMicroseconds = 9.2e18;
  double total = 0;
  while (!text.empty()) {
    std::size_t used = 0;
    while (used < text.size() && (std::isdigit(static_cast<unsigned char>(text[used])) != 0 || text[used] == '.'))
      ++used;
    if (used == 0 || used > 18) return std::nullopt;
    const std::string number(text.substr(0, used));
    char* end = nullptr;
    const double value = std::strtod(number.c_str(), &end);
    if (end != number.c_str() + number.size()) return std::nullopt;
    text.remove_prefix(used);
    std::size_t unit_size = 0;
    while (unit_size < text.size() && std::isdigit(static_cast<unsigned char>(text[unit_size])) == 0 &&
           text[unit_size] != '.') {
      ++unit_size;
    }
    const std::string_view unit = text.substr(0, unit_size);
    double scale = 0;
    if (unit == "h") scale = 3.6e9;
    if (unit == "m") scale = 6e7;
    if (unit == "s") scale = 1e6;
    if (unit == "ms") scale = 1e3;
    if (unit == "us" || unit == "\xC2\xB5s") scale = 1;
    if (unit == "ns") scale = 1e-3;
    if (scale == 0) return std::nullopt;
    total += value * scale;
    text.remove_prefix(unit_size);
  }
  if (total > kMaxMicroseconds) return std::nullopt;
  return microseconds(static_cast<std::int64_t>(std::llround(total)));
}

}  // namespace asya
