#include "core/json/scan.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

#ifdef __SSE2__
#include <immintrin.h>
#endif

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

#ifdef __SSE2__
constexpr std::ptrdiff_t kManyBytes = 64;  // looked at together where a string is longer than most

// Passes over as many bytes at a time, up to those among which one does not stand for itself.
const char* SkipPlain(const char* at, const char* end) {
  constexpr std::ptrdiff_t kBlockBytes = sizeof(__m128i);
  for (; end - at >= kManyBytes; at += kManyBytes) {
    const __m128i odd = _mm_or_si128(_mm_or_si128(OddBytes(at), OddBytes(at + kBlockBytes)),
                                     _mm_or_si128(OddBytes(at + 2 * kBlockBytes), OddBytes(at + 3 * kBlockBytes)));
    if (_mm_movemask_epi8(odd) != 0) break;
  }
  return at;
}

// The same on a processor whose registers are twice as wide.
__attribute__((target("avx2"))) inline __m256i OddBytesWide(const char* at) {
  const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
  return _mm256_or_si256(_mm256_cmpgt_epi8(_mm256_set1_epi8(' '), bytes),
                         _mm256_or_si256(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('"')),
                                         _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\\'))));
}

__attribute__((target("avx2"))) const char* SkipPlainWide(const char* at, const char* end) {
  for (; end - at >= kManyBytes; at += kManyBytes) {
    const __m256i odd = _mm256_or_si256(OddBytesWide(at), OddBytesWide(at + sizeof(__m256i)));
    if (_mm256_movemask_epi8(odd) != 0) break;
  }
  return at;
}

// Of the eight bytes of a word, which ones do not stand for themselves: their highest bits. Only the lowest of those
// found is sure, since a subtraction may borrow from the byte above.
std::uint64_t OddInWord(std::uint64_t word) {
  constexpr std::uint64_t kOnes = 0x0101'0101'0101'0101;
  const std::uint64_t quotes = word ^ (kOnes * '"');
  const std::uint64_t slashes = word ^ (kOnes * '\\');
  const std::uint64_t found =
      ((word - kOnes * ' ') & ~word) | ((quotes - kOnes) & ~quotes) | ((slashes - kOnes) & ~slashes) | word;
  return found & (kOnes * 0x80);
}

template <class Word>
std::uint64_t WordAt(const char* at) {
  Word word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

std::ptrdiff_t FirstOf(std::uint64_t odd) { return std::countr_zero(odd) / 8; }

// The end of at most fifteen bytes, of which the last ones are looked at twice.
const char* PlainEndOfFew(const char* at, const char* end) {
  constexpr std::ptrdiff_t kWord = 8;
  constexpr std::ptrdiff_t kHalf = 4;
  if (end - at >= kWord) {
    if (const std::uint64_t odd = OddInWord(WordAt<std::uint64_t>(at)); odd != 0) return at + FirstOf(odd);
    const std::uint64_t odd = OddInWord(WordAt<std::uint64_t>(end - kWord));
    return odd == 0 ? end : end - kWord + FirstOf(odd);
  }
  if (end - at >= kHalf) {
    const std::uint64_t both = WordAt<std::uint32_t>(at) | WordAt<std::uint32_t>(end - kHalf) << 32U;
    const std::uint64_t odd = OddInWord(both);
    if (odd == 0) return end;
    const std::ptrdiff_t first = FirstOf(odd);
    return first < kHalf ? at + first : end - kWord + first;
  }
  while (at < end && static_cast<signed char>(*at) >= ' ' && *at != '"' && *at != '\\') ++at;
  return at;
}
#endif

}  // namespace

const char* PlainEndFurther(const char* at, const char* end) {
#ifdef __SSE2__
  constexpr std::ptrdiff_t kBlockBytes = sizeof(__m128i);
  if (end - at >= kManyBytes) {
    static const bool is_wide = __builtin_cpu_supports("avx2");
    at = is_wide ? SkipPlainWide(at, end) : SkipPlain(at, end);
  }
  for (; end - at >= kBlockBytes; at += kBlockBytes) {
    const int found = _mm_movemask_epi8(OddBytes(at));
    if (found != 0) return at + __builtin_ctz(static_cast<unsigned>(found));
  }
  return PlainEndOfFew(at, end);
#else
  while (at < end && static_cast<signed char>(*at) >= ' ' && *at != '"' && *at != '\\') ++at;
  return at;
#endif
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

std::optional<Scan::Text> Scan::OddString(const char* begin) {
  Text text;
  for (;;) {
    if (at_ == end_) return std::nullopt;
    if (*at_ == '"') break;
    if (*at_ == '\\') {
      text.escaped = true;
      if (!Escape()) return std::nullopt;
    } else if (static_cast<unsigned char>(*at_) < 0x80 || !HighBytes()) {
      return std::nullopt;
    }
    at_ = PlainEnd(at_, end_);
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
