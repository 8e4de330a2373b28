#include "core/base/random.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace asya {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

void Fill(unsigned char* out, std::size_t size) {
  while (size > 0) {
    const ssize_t got = ::getrandom(out, size, 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      std::abort();
    }
    out += got;
    size -= static_cast<std::size_t>(got);
  }
}

// RFC 9562, section 4.
std::string Format(std::array<unsigned char, 16> bytes, unsigned version) {
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0FU) | (version << 4U));
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3FU) | 0x80U);
  std::string text;
  text.reserve(36);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text.push_back('-');
    text.push_back(kHexDigits[bytes[i] >> 4U]);
    text.push_back(kHexDigits[bytes[i] & 0x0FU]);
  }
  return text;
}

}  // namespace

std::uint64_t SystemSeed() {
  std::array<unsigned char, 8> bytes{};
  Fill(bytes.data(), bytes.size());
  std::uint64_t seed = 0;
  std::memcpy(&seed, bytes.data(), sizeof seed);
  return seed;
}

std::string NewUuid() {
  std::array<unsigned char, 16> bytes{};
  Fill(bytes.data(), bytes.size());
  return Format(bytes, 4);
}

std::string NewOrderedUuid(WallTime now) {
  constexpr std::size_t kTimeBytes = 6;
  std::array<unsigned char, 16> bytes{};
  auto ms = static_cast<std::uint64_t>(now.time_since_epoch() / std::chrono::milliseconds(1));
  for (std::size_t i = kTimeBytes; i-- > 0; ms >>= 8U) bytes[i] = static_cast<unsigned char>(ms & 0xFFU);
  Fill(bytes.data() + kTimeBytes, bytes.size() - kTimeBytes);
  return Format(bytes, 7);
}

std::string RandomHex(std::size_t bytes) {
  std::vector<unsigned char> raw(bytes);
  Fill(raw.data(), raw.size());
  std::string text;
  text.reserve(bytes * 2);
  for (const unsigned char byte : raw) {
    text.push_back(kHexDigits[byte >> 4U]);
    text.push_back(kHexDigits[byte & 0x0FU]);
  }
  return text;
}

}  // namespace asya
