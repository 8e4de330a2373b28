#include "core/base/utf8.h"

#include <cstddef>

namespace asya {
namespace {

bool InRange(char c, unsigned char least, unsigned char most) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= least && byte <= most;
}

// Bytes of the character at the front; 0 where there is none. The table is that of the Unicode Standard (3-7).
std::size_t CharacterBytes(std::string_view text) {
  struct Form {
    unsigned char first_least, first_most;
    std::size_t size;
    unsigned char second_least, second_most;
  };
  static constexpr Form kForms[] = {
      {0x00, 0x7F, 1, 0, 0},       {0xC2, 0xDF, 2, 0x80, 0xBF}, {0xE0, 0xE0, 3, 0xA0, 0xBF},
      {0xE1, 0xEC, 3, 0x80, 0xBF}, {0xED, 0xED, 3, 0x80, 0x9F}, {0xEE, 0xEF, 3, 0x80, 0xBF},
      {0xF0, 0xF0, 4, 0x90, 0xBF}, {0xF1, 0xF3, 4, 0x80, 0xBF}, {0xF4, 0xF4, 4, 0x80, 0x8F}};
  for (const Form& form : kForms) {
    if (!InRange(text[0], form.first_least, form.first_most)) continue;
    if (text.size() < form.size) return 0;
    if (form.size > 1 && !InRange(text[1], form.second_least, form.second_most)) return 0;
    for (std::size_t i = 2; i < form.size; ++i) {
      if (!InRange(text[i], 0x80, 0xBF)) return 0;
    }
    return form.size;
  }
  return 0;
}

}  // namespace

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = CharacterBytes(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string ReplaceInvalidUtf8(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t size = CharacterBytes(text);
    if (size == 0) {
      out += '?';
      text.remove_prefix(1);
      continue;
    }
    out += text.substr(0, size);
    text.remove_prefix(size);
  }
  return out;
}

std::string_view CutUtf8(std::string_view text, std::size_t limit_bytes) {
  if (text.size() <= limit_bytes) return text;
  std::size_t end = limit_bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end);
}

}  // namespace asya
