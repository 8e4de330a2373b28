#include "core/json/scan.h"

#include <algorithm>
#include <charconv>

namespace asya::json {
namespace {

constexpr std::size_t kQuickDepth = 64;           // of nested arrays and objects: a bit for each
constexpr std::ptrdiff_t kQuickNumberBytes = 64;  // with two digits of exponent at most, no such number is too large

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsHexDigit(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// The continuation bytes that may follow the first byte of a character of UTF-8 (RFC 3629): how many, and the range of
// the next one, which leaves out overlong forms, surrogates and what is above U+10FFFF.
struct Following {
  std::ptrdiff_t count = 0;  // 0: no character begins so
  unsigned char least = 0x80;
  unsigned char most = 0xBF;
};

Following After(unsigned char first) {
  if (first < 0xC2 || first > 0xF4) return {};
  if (first < 0xE0) return {1};
  if (first == 0xE0) return {2, 0xA0};
  if (first == 0xED) return {2, 0x80, 0x9F};
  if (first < 0xF0) return {2};
  if (first == 0xF0) return {3, 0x90};
  if (first == 0xF4) return {3, 0x80, 0x8F};
  return {3};
}

}  // namespace

bool Scan::TakeWord(std::string_view word) {
  if (static_cast<std::size_t>(end_ - at_) < word.size() || std::string_view(at_, word.size()) != word) return false;
  at_ += word.size();
  return true;
}

// The characters from here on that are not ASCII.
bool Scan::HighBytes() {
  while (at_ < end_ && static_cast<unsigned char>(*at_) >= 0x80) {
    const Following following = After(static_cast<unsigned char>(*at_++));
    if (following.count == 0 || end_ - at_ < following.count) return false;
    const auto next = static_cast<unsigned char>(*at_);
    if (next < following.least || next > following.most) return false;
    const char* const after = at_ + following.count;
    while (++at_ < after) {
      if ((static_cast<unsigned char>(*at_) & 0xC0U) != 0x80) return false;
    }
  }
  return true;
}

// The four digits of \uXXXX; what is no digit gives a number that no character has.
std::uint32_t Scan::Hex4() {
  constexpr std::ptrdiff_t kHexDigits = 4;
  constexpr std::uint32_t kNone = 0xFFFF'FFFF;
  if (end_ - at_ < kHexDigits || !std::all_of(at_, at_ + kHexDigits, IsHexDigit)) return kNone;
  std::uint32_t code = 0;
  std::from_chars(at_, at_ + kHexDigits, code, 16);
  at_ += kHexDigits;
  return code;
}

bool Scan::Escape() {
  ++at_;
  if (at_ == end_) return false;
  const char kind = *at_++;
  if (kind != 'u') return std::string_view("\"\\/bfnrt").find(kind) != std::string_view::npos;
  const std::uint32_t code = Hex4();
  if (code < 0xD800 || (code >= 0xE000 && code <= 0xFFFF)) return true;
  // The halves of a surrogate pair.
  if (code >= 0xDC00 || !Take('\\') || !Take('u')) return false;
  const std::uint32_t second = Hex4();
  return second >= 0xDC00 && second < 0xE000;
}

std::optional<Scan::Text> Scan::String() {
  if (!Take('"')) return std::nullopt;
  Text text;
  const char* const begin = at_;
  for (;;) {
    at_ = PlainEnd(at_, end_);
    if (at_ == end_) return std::nullopt;
    if (*at_ == '"') break;
    if (*at_ == '\\') {
      text.escaped = true;
      if (!Escape()) return std::nullopt;
    } else if (static_cast<unsigned char>(*at_) < 0x80 || !HighBytes()) {
      return std::nullopt;
    }
  }
  text.inside = std::string_view(begin, static_cast<std::size_t>(at_ - begin));
  ++at_;
  return text;
}

bool Scan::Digits() {
  const char* const begin = at_;
  while (at_ < end_ && IsDigit(*at_)) ++at_;
  return at_ > begin;
}

std::optional<std::string_view> Scan::Number() {
  constexpr std::ptrdiff_t kExponentDigits = 2;
  const char* const begin = at_;
  static_cast<void>(Take('-'));
  if (!Take('0') && !Digits()) return std::nullopt;
  if (Take('.') && !Digits()) return std::nullopt;
  if (Take('e') || Take('E')) {
    if (!Take('+')) static_cast<void>(Take('-'));
    const char* const exponent = at_;
    if (!Digits() || at_ - exponent > kExponentDigits) return std::nullopt;
  }
  if (at_ - begin > kQuickNumberBytes) return std::nullopt;
  return std::string_view(begin, static_cast<std::size_t>(at_ - begin));
}

std::optional<Scan::Text> Scan::Key() {
  const auto key = String();
  if (!key) return std::nullopt;
  Space();
  return Take(':') ? key : std::nullopt;
}

bool Scan::Scalar() {
  switch (Peek()) {
    case '"':
      return String().has_value();
    case 't':
      return TakeWord("true");
    case 'f':
      return TakeWord("false");
    case 'n':
      return TakeWord("null");
    default:
      return Number().has_value();
  }
}

// Reads a scalar or an empty container, and whatever opens before it.
bool Scan::BeginValue(Nest& nest) {
  for (;;) {
    Space();
    const char first = Peek();
    if (first != '{' && first != '[') return Scalar();
    if (++nest.depth > nest.depth_limit) return false;
    const bool is_object = first == '{';
    nest.objects = nest.objects << 1U | (is_object ? 1U : 0U);
    ++at_;
    Space();
    if (Peek() == (is_object ? '}' : ']')) return true;
    if (is_object && !Key()) return false;
  }
}

// Reads what ends with a value: containers, or its place in one.
bool Scan::EndValue(Nest& nest) {
  while (nest.depth > 0) {
    Space();
    const bool in_object = (nest.objects & 1U) != 0;
    if (Take(',')) {
      Space();
      return !in_object || Key();
    }
    if (!Take(in_object ? '}' : ']')) return false;
    nest.objects >>= 1U;
    --nest.depth;
  }
  return true;
}

std::optional<std::string_view> Scan::Value(std::size_t depth_limit) {
  const char* const begin = at_;
  Nest nest{std::min(depth_limit, kQuickDepth)};
  do {
    if (!BeginValue(nest) || !EndValue(nest)) return std::nullopt;
  } while (nest.depth > 0);
  return std::string_view(begin, static_cast<std::size_t>(at_ - begin));
}

}  // namespace asya::json
