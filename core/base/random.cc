#include "core/base/random.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace asya {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

void AskSystem(unsigned char* out, std::size_t size) {
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

// Bytes of the system, asked for many at a time: each is given out once and wiped. A forked child would give out the
// same again; children of ours start another program.
class Stock {
 public:
  void Take(unsigned char* out, std::size_t size) {
    if (size > bytes_.size()) return AskSystem(out, size);
    if (size > left_) {
      AskSystem(bytes_.data(), bytes_.size());
      left_ = bytes_.size();
    }
    unsigned char* const taken = bytes_.data() + bytes_.size() - left_;
    std::memcpy(out, taken, size);
    std::memset(taken, 0, size);
    left_ -= size;
  }

 private:
  std::array<unsigned char, 512> bytes_{};
  std::size_t left_ = 0;
};

void Fill(unsigned char* out, std::size_t size) {
  thread_local Stock stock;
  stock.Take(out, size);
}

void AppendHex(std::string& out, unsigned char byte) {
  out += kHexDigits[byte >> 4U];
  out += kHexDigits[byte & 0x0FU];
}

// RFC 9562, section 4.
std::string Format(std::array<unsigned char, 16> bytes, unsigned version) {
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0FU) | (version << 4U));
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3FU) | 0x80U);
  std::string text;
  text.reserve(36);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text.push_back('-');
    AppendHex(text, bytes[i]);
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
  std::array<unsigned char, 32> raw{};
  std::string text;
  text.reserve(bytes * 2);
  for (std::size_t left = bytes; left > 0;) {
    const std::size_t size = std::min(left, raw.size());
    Fill(raw.data(), size);
    for (std::size_t i = 0; i < size; ++i) AppendHex(text, raw[i]);
    left -= size;
  }
  return text;
}

}  // namespace asya
