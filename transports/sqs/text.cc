#include "transports/sqs/text.h"

#include <array>
#include <cstdint>

namespace asya::transports::sqs {
namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr int kNoDigit = -1;

int DigitOf(char c) {
  const auto at = kDigits.find(c);
  return at == std::string_view::npos ? kNoDigit : static_cast<int>(at);
}

// The length of the sequence at the front and its code point; 0: it is no UTF-8.
std::size_t TakeCodePoint(std::string_view text, std::uint32_t& point) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(0);
  std::size_t length = 0;
  std::uint32_t least = 0;
  if (first < 0xC0U) return 0;
  if (first < 0xE0U) {
    length = 2, least = 0x80, point = first & 0x1FU;
  } else if (first < 0xF0U) {
    length = 3, least = 0x800, point = first & 0x0FU;
  } else if (first < 0xF8U) {
    length = 4, least = 0x10000, point = first & 0x07U;
  } else {
    return 0;
  }
  if (text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
    point = point << 6U | (byte(i) & 0x3FU);
  }
  return point < least ? 0 : length;
}

bool IsAllowed(std::uint32_t point) {
  return (point >= 0x20 && point <= 0xD7FF) || (point >= 0xE000 && point <= 0xFFFD) ||
         (point >= 0x10000 && point <= 0x10FFFF);
}

}  // namespace

bool IsPlainText(std::string_view body) {
  if (body.empty()) return false;
  while (!body.empty()) {
    const auto first = static_cast<std::uint8_t>(body.front());
    if (first < 0x80U) {
      if (first < 0x20U && first != '\t' && first != '\n' && first != '\r') return false;
      body.remove_prefix(1);
      continue;
    }
    std::uint32_t point = 0;
    const std::size_t length = TakeCodePoint(body, point);
    if (length == 0 || !IsAllowed(point)) return false;
    body.remove_prefix(length);
  }
  return true;
}

std::optional<std::string> FromBase64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t at = 0; at < text.size(); at += 4) {
    std::size_t padding = 0;
    const bool last = at + 4 == text.size();
    if (last && text[at + 3] == '=') padding = text[at + 2] == '=' ? 2 : 1;
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const int digit = i + padding >= 4 ? 0 : DigitOf(text[at + i]);
      if (digit == kNoDigit) return std::nullopt;
      group = group << 6U | static_cast<std::uint32_t>(digit);
    }
    for (std::size_t i = 0; i < 3 - padding; ++i) bytes += static_cast<char>(group >> (16 - 8 * i) & 255U);
  }
  return bytes;
}

}  // namespace asya::transports::sqs
