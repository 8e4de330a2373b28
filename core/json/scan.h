// Scan: a quick walk over JSON text. It is sure of what it accepts; what it refuses may still be JSON, and is left to
// the careful parser, which also says what is wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace asya::json {

#ifdef __SSE2__
// Of the sixteen bytes from there on, which ones do not stand for themselves. As signed numbers, bytes from 0x80 on are
// below the blank too.
inline __m128i OddBytes(const char* at) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  return _mm_or_si128(
      _mm_cmplt_epi8(bytes, _mm_set1_epi8(' ')),
      _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))));
}
#endif

// Where the bytes end that stand for themselves in a JSON string and are ASCII: at a quote, a backslash, a control
// character, a byte from 0x80 on, or `end`. The first block of them is looked at here, which is all of most strings.
const char* PlainEndFurther(const char* at, const char* end);
inline const char* PlainEnd(const char* at, const char* end) {
#ifdef __SSE2__
  constexpr std::ptrdiff_t kBlockBytes = sizeof(__m128i);
  if (end - at >= kBlockBytes) {
    const int found = _mm_movemask_epi8(OddBytes(at));
    if (found != 0) return at + __builtin_ctz(static_cast<unsigned>(found));
    at += kBlockBytes;
  }
#endif
  return PlainEndFurther(at, end);
}

// A place in a text, moved on by what was read there. Once something was refused, the place means nothing.
class Scan {
 public:
  struct Text {
    std::string_view inside;  // between the quotes, as it is written
    bool escaped = false;     // it has to be unescaped
  };

  explicit Scan(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  // The byte here, or a zero byte at the end.
  [[nodiscard]] char Peek() const { return at_ < end_ ? *at_ : '\0'; }
  // What has not been read.
  [[nodiscard]] std::string_view Rest() const { return {at_, static_cast<std::size_t>(end_ - at_)}; }
  void Space() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  // Whether that byte stood here; it is read then.
  bool Take(char byte) {
    if (at_ == end_ || *at_ != byte) return false;
    ++at_;
    return true;
  }
  bool TakeWord(std::string_view word) {
    if (static_cast<std::size_t>(end_ - at_) < word.size() || std::string_view(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  std::optional<Text> String() {
    if (!Take('"')) return std::nullopt;
    const char* const begin = at_;
    at_ = PlainEnd(at_, end_);
    if (at_ == end_ || *at_ != '"') return OddString(begin);
    return Text{std::string_view(begin, static_cast<std::size_t>(at_++ - begin)), false};
  }
  // As it is written.
  std::optional<std::string_view> Number();
  // A member's name and the colon after it.
  std::optional<Text> Key() {
    const auto key = String();
    if (!key) return std::nullopt;
    Space();
    return Take(':') ? key : std::nullopt;
  }
  // The value that begins here, of at most so many nested arrays and objects, as it is written.
  std::optional<std::string_view> Value(std::size_t depth_limit);
  // Nothing but white space is left.
  bool AtEnd() {
    Space();
    return at_ == end_;
  }

 private:
  // The containers that are open.
  struct Nest {
    std::size_t depth_limit = 0;
    std::size_t depth = 0;
    std::uint64_t objects = 0;  // a bit for each, the innermost last: whether it is an object
  };
  // The rest of a string in which something does not stand for itself.
  std::optional<Text> OddString(const char* begin);
  bool BeginValue(Nest& nest);
  bool EndValue(Nest& nest);
  std::uint32_t Hex4();
  bool Escape();
  bool HighBytes();
  bool Digits();
  bool Scalar();

  const char* at_;
  const char* end_;
};

// Calls read() at each member of the object that begins there, which `read` then reads. False where `read` says so, and
// where there is no object.
template <class ReadMember>
bool ReadEach(Scan& scan, const ReadMember& read) {
  if (!scan.Take('{')) return false;
  scan.Space();
  if (scan.Take('}')) return true;
  do {
    scan.Space();
    if (!read()) return false;
    scan.Space();
  } while (scan.Take(','));
  return scan.Take('}');
}

// The same with read(key), at the value of each member. False also for a key that has to be unescaped.
template <class ReadMember>
bool ReadMembers(Scan& scan, const ReadMember& read) {
  return ReadEach(scan, [&] {
    const auto key = scan.Key();
    if (!key || key->escaped) return false;
    scan.Space();
    return read(key->inside);
  });
}

}  // namespace asya::json
