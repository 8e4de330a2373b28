// Wire: the data types of AMQP 0-9-1 (specification 4.2.5) as bytes, with RabbitMQ's field types.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "core/base/result.h"

namespace asya::transports::rabbitmq {

constexpr std::size_t kShortStringBytesMax = 255;
constexpr int kTableDepthMax = 8;  // tables within tables; deeper ones are refused

struct TableValue;
using Table = std::map<std::string, TableValue, std::less<>>;
// Integers of all widths and timestamps are int64, strings and byte arrays std::string; what has no meaning for us
// (floats, decimals, arrays) is read over and stays empty.
struct TableValue {
  std::variant<std::monostate, bool, std::int64_t, std::string, std::shared_ptr<const Table>> value;
};

// The lowest bytes of the value, the first of them the highest.
template <std::size_t kBytes>
std::array<char, kBytes> BytesOf(std::uint64_t value) {
  std::array<char, kBytes> bytes;
  for (std::size_t i = 0; i < kBytes; ++i) bytes[i] = static_cast<char>(value >> (8 * (kBytes - 1 - i)));
  return bytes;
}

// Appends to a string.
class WireWriter {
 public:
  explicit WireWriter(std::string& out) : out_(out) {}
  WireWriter& U8(std::uint8_t value) {
    out_ += static_cast<char>(value);
    return *this;
  }
  WireWriter& U16(std::uint16_t value) { return Bytes(BytesOf<2>(value)); }
  WireWriter& U32(std::uint32_t value) { return Bytes(BytesOf<4>(value)); }
  WireWriter& U64(std::uint64_t value) { return Bytes(BytesOf<8>(value)); }
  // At most kShortStringBytesMax bytes; a longer one is a bug of the caller.
  WireWriter& ShortString(std::string_view text) {
    ASYA_CHECK(text.size() <= kShortStringBytesMax);
    out_ += static_cast<char>(text.size());
    out_ += text;
    return *this;
  }
  WireWriter& LongString(std::string_view text);
  WireWriter& Fields(const Table& table);
  // A table written field by field; the end needs what the beginning gave.
  std::size_t BeginFields();
  void NumberField(std::string_view name, std::int64_t value);
  void EndFields(std::size_t start);
  // Writes over what stands there.
  void SetU32(std::size_t at, std::uint32_t value) {
    const auto bytes = BytesOf<4>(value);
    out_.replace(at, bytes.size(), bytes.data(), bytes.size());
  }

 private:
  template <std::size_t kBytes>
  WireWriter& Bytes(const std::array<char, kBytes>& bytes) {
    out_.append(bytes.data(), kBytes);
    return *this;
  }
  void Value(const TableValue& value);
  std::string& out_;
};

// Reads from a view; once something did not fit, ok() is false and everything read is empty or 0.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : rest_(bytes) {}
  std::uint8_t U8() { return static_cast<std::uint8_t>(Unsigned<1>()); }
  std::uint16_t U16() { return static_cast<std::uint16_t>(Unsigned<2>()); }
  std::uint32_t U32() { return static_cast<std::uint32_t>(Unsigned<4>()); }
  std::uint64_t U64() { return Unsigned<8>(); }
  std::string_view ShortString() { return Take(U8()); }
  std::string_view LongString() { return Take(U32()); }
  Table Fields(int depth = 0);
  // Calls take(name, value) for each field of a table; what it got means nothing if ok() is false afterwards.
  template <class Take>
  void EachField(const Take& take, int depth = 0) {
    WireReader inner(LongString());
    if (depth > kTableDepthMax) Break();
    while (ok_ && inner.ok() && !inner.rest().empty()) {
      const std::string_view name = inner.ShortString();
      take(name, inner.Value(depth));
    }
    if (!inner.ok()) Break();
  }
  // Passes over a table without reading it.
  void SkipFields() { static_cast<void>(LongString()); }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::string_view rest() const { return rest_; }

 private:
  std::string_view Take(std::size_t count) {
    if (count > rest_.size()) {
      Break();
      return {};
    }
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  template <std::size_t kBytes>
  std::uint64_t Unsigned() {
    const std::string_view bytes = Take(kBytes);
    if (bytes.size() < kBytes) return 0;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < kBytes; ++i) value = value << 8U | static_cast<std::uint8_t>(bytes[i]);
    return value;
  }
  TableValue Value(int depth);
  void Break() {
    ok_ = false;
    rest_ = {};
  }

  std::string_view rest_;
  bool ok_ = true;
};

// The value under `name`, or the fallback when there is none of that type.
std::int64_t IntOf(const Table& table, std::string_view name, std::int64_t fallback);
std::string TextOf(const Table& table, std::string_view name);

}  // namespace asya::transports::rabbitmq
