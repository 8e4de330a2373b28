#include "core/yaml/scalar.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <string>

namespace asya::yaml {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool IsNull(std::string_view text) { return IsOneOf(text, {"", "~", "null", "Null", "NULL"}); }

std::optional<json::Value> Bool(std::string_view text) {
  if (IsOneOf(text, {"true", "True", "TRUE"})) return json::Value(true);
  if (IsOneOf(text, {"false", "False", "FALSE"})) return json::Value(false);
  return std::nullopt;
}

std::size_t SkipDigits(std::string_view text, std::size_t at) {
  while (at < text.size() && IsDigit(text[at])) ++at;
  return at;
}

// [-+]? ( . digits | digits [. digits] ) ( [eE] [-+]? digits )?
bool IsDecimal(std::string_view text) {
  std::size_t at = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  const std::size_t whole_end = SkipDigits(text, at);
  std::size_t digits = whole_end - at;
  at = whole_end;
  if (at < text.size() && text[at] == '.') {
    const std::size_t fraction_end = SkipDigits(text, at + 1);
    digits += fraction_end - at - 1;
    at = fraction_end;
  }
  if (digits == 0) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    const std::size_t exponent_end = SkipDigits(text, at);
    if (exponent_end == at) return false;
    at = exponent_end;
  }
  return at == text.size();
}

bool IsSpecialNumber(std::string_view text) {
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  return IsOneOf(text, {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"});
}

std::optional<std::int64_t> ReadInteger(bool negative, std::string_view digits, int base) {
  if (digits.empty()) return std::nullopt;
  const std::string text = (negative ? "-" : "") + std::string(digits);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// 12, -12, +12, 0x1f, 0o17 and 017; nullopt also when it does not fit.
std::optional<std::int64_t> Integer(std::string_view text) {
  const bool negative = !text.empty() && text[0] == '-';
  if (negative || (!text.empty() && text[0] == '+')) text.remove_prefix(1);
  if (text.empty() || !IsDigit(text[0])) return std::nullopt;
  if (text.substr(0, 2) == "0x") return ReadInteger(negative, text.substr(2), 16);
  if (text.substr(0, 2) == "0o") return ReadInteger(negative, text.substr(2), 8);
  if (text.size() > 1 && text[0] == '0' && text.find_first_not_of("01234567") == std::string_view::npos) {
    return ReadInteger(negative, text.substr(1), 8);
  }
  return ReadInteger(negative, text, 10);
}

std::optional<json::Value> Number(std::string_view text) {
  if (const auto integer = Integer(text)) return json::Value(*integer);
  if (!IsDecimal(text)) return std::nullopt;
  const double number = std::strtod(std::string(text).c_str(), nullptr);
  if (!std::isfinite(number)) return std::nullopt;
  return json::Value(number);
}

// What the lead byte of a character says: how many bytes there are, and between what the second one lies, so that there
// are no overlong forms, surrogates or values above U+10FFFF.
struct Lead {
  unsigned low;
  unsigned high;
  std::size_t length;
  unsigned second_low;
  unsigned second_high;
};
constexpr Lead kLeads[] = {{0x01, 0x7F, 1, 0, 0},       {0xC2, 0xDF, 2, 0x80, 0xBF}, {0xE0, 0xE0, 3, 0xA0, 0xBF},
                           {0xE1, 0xEC, 3, 0x80, 0xBF}, {0xED, 0xED, 3, 0x80, 0x9F}, {0xEE, 0xEF, 3, 0x80, 0xBF},
                           {0xF0, 0xF0, 4, 0x90, 0xBF}, {0xF1, 0xF3, 4, 0x80, 0xBF}, {0xF4, 0xF4, 4, 0x80, 0x8F}};

bool IsBetween(char byte, unsigned low, unsigned high) {
  return static_cast<unsigned char>(byte) >= low && static_cast<unsigned char>(byte) <= high;
}

// Bytes of the UTF-8 character that `text` begins with; 0 when it begins with none or with a NUL.
std::size_t CharacterLength(std::string_view text) {
  const auto fits = [&](const Lead& lead) { return IsBetween(text.front(), lead.low, lead.high); };
  const Lead* lead = std::find_if(std::begin(kLeads), std::end(kLeads), fits);
  if (lead == std::end(kLeads) || text.size() < lead->length) return 0;
  if (lead->length > 1 && !IsBetween(text[1], lead->second_low, lead->second_high)) return 0;
  for (std::size_t i = 2; i < lead->length; ++i) {
    if (!IsBetween(text[i], 0x80, 0xBF)) return 0;
  }
  return lead->length;
}

}  // namespace

std::optional<json::Value> ResolvePlain(std::string_view text) {
  if (IsNull(text)) return json::Value();
  if (auto boolean = Bool(text)) return boolean;
  if (IsSpecialNumber(text)) return std::nullopt;
  if (auto number = Number(text)) return number;
  return json::Value(text);
}

std::optional<json::Value> ResolveTagged(std::string_view tag, std::string_view text) {
  constexpr std::string_view kPrefix = "tag:yaml.org,2002:";
  if (tag.substr(0, kPrefix.size()) != kPrefix) return std::nullopt;
  const std::string_view type = tag.substr(kPrefix.size());
  if (type == "str") return json::Value(text);
  if (type == "null" && IsNull(text)) return json::Value();
  if (type == "bool") return Bool(text);
  if (type == "float") {
    const auto number = Number(text);
    return number ? std::optional<json::Value>(number->AsDouble()) : std::nullopt;
  }
  if (type == "int") {
    const auto integer = Integer(text);
    return integer ? std::optional<json::Value>(*integer) : std::nullopt;
  }
  return std::nullopt;
}

std::optional<std::size_t> FindBadByte(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t length = CharacterLength(text.substr(at));
    if (length == 0) return at;
    at += length;
  }
  return std::nullopt;
}

}  // namespace asya::yaml
