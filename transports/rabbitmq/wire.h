// Wire: the data types of AMQP 0-9-1 (specification 4.2.5) as bytes, with RabbitMQ's field types.
#pragma once

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

// Appends to a string.
class WireWriter {
 public:
  explicit WireWriter(std::string& out) : out_(out) {}
  WireWriter& U8(std::uint8_t value);
  WireWriter& U16(std::uint16_t value);
  WireWriter& U32(std::uint32_t value);
  WireWriter& U64(std::uint64_t value);
  // At most kShortStringBytesMax bytes; a longer one is a bug of the caller.
  WireWriter& ShortString(std::string_view text);
  WireWriter& LongString(std::string_view text);
  WireWriter& Fields(const Table& table);
  // A table written field by field; the end needs what the beginning gave.
  std::size_t BeginFields();
  void NumberField(std::string_view name, std::int64_t value);
  void EndFields(std::size_t start);
  // Writes over what stands there.
  void SetU32(std::size_t at, std::uint32_t value);

 private:
  void Value(const TableValue& value);
  std::string& out_;
};

// Reads from a view; once something did not fit, ok() is false and everything read is empty or 0.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : rest_(bytes) {}
  std::uint8_t U8();
  std::uint16_t U16();
  std::uint32_t U32();
  std::uint64_t U64();
  std::string_view ShortString();
  std::string_view LongString();
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
  std::string_view Take(std::size_t count);
  template <std::size_t kBytes>
  std::uint64_t Unsigned();
  TableValue Value(int depth);
  void Break();

  std::string_view rest_;
  bool ok_ = true;
};

// The value under `name`, or the fallback when there is none of that type.
std::int64_t IntOf(const Table& table, std::string_view name, std::int64_t fallback);
std::string TextOf(const Table& table, std::string_view name);

}  // namespace asya::transports::rabbitmq
