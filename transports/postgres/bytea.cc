#include "transports/postgres/bytea.h"

namespace asya::transports::postgres {
namespace {

constexpr std::string_view kPrefix = "\\x";
constexpr char kDigits[] = "0123456789abcdef";

int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::string ToBytea(std::string_view bytes) {
  std::string text(kPrefix);
  text.reserve(kPrefix.size() + 2 * bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

Result<std::string> FromBytea(std::string_view text) {
  const Error malformed = Invalid("", "a bytea value is not in hex form");
  if (!text.starts_with(kPrefix) || text.size() % 2 != 0) return malformed;
  std::string bytes;
  bytes.reserve(text.size() / 2 - 1);
  for (std::size_t i = kPrefix.size(); i < text.size(); i += 2) {
    const int high = DigitOf(text[i]);
    const int low = DigitOf(text[i + 1]);
    if (high < 0 || low < 0) return malformed;
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

}  // namespace asya::transports::postgres
