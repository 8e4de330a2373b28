#include "core/yaml/scalar.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
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
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead == 0) return at;
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xC2 ? 0
                               : lead < 0xE0 ? 2
                               : lead < 0xF0 ? 3
                               : lead < 0xF5 ? 4
                                             : 0;
    if (length == 0 || at + length > text.size()) return at;
    for (std::size_t i = 1; i < length; ++i) {
      const auto next = static_cast<unsigned char>(text[at + i]);
      // The second byte is narrower after these leads: no overlong forms, surrogates or values above U+10FFFF.
      const unsigned low = i == 1 && lead == 0xE0 ? 0xA0 : i == 1 && lead == 0xF0 ? 0x90 : 0x80;
      const unsigned high = i == 1 && lead == 0xED ? 0x9F : i == 1 && lead == 0xF4 ? 0x8F : 0xBF;
      if (next < low || next > high) return at;
    }
    at += length;
  }
  return std::nullopt;
}

}  // namespace asya::yaml
