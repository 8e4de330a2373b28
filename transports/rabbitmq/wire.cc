#include "transports/rabbitmq/wire.h"

#include <utility>

namespace asya::transports::rabbitmq {
namespace {

void Append(std::string& out, std::uint64_t value, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out += static_cast<char>((value >> shift) & 0xff);
}

}  // namespace

WireWriter& WireWriter::U8(std::uint8_t value) {
  out_ += static_cast<char>(value);
  return *this;
}

WireWriter& WireWriter::U16(std::uint16_t value) {
  Append(out_, value, 2);
  return *this;
}

WireWriter& WireWriter::U32(std::uint32_t value) {
  Append(out_, value, 4);
  return *this;
}

WireWriter& WireWriter::U64(std::uint64_t value) {
  Append(out_, value, 8);
  return *this;
}

WireWriter& WireWriter::ShortString(std::string_view text) {
  ASYA_CHECK(text.size() <= kShortStringBytesMax);
  U8(static_cast<std::uint8_t>(text.size()));
  out_ += text;
  return *this;
}

WireWriter& WireWriter::LongString(std::string_view text) {
  U32(static_cast<std::uint32_t>(text.size()));
  out_ += text;
  return *this;
}

WireWriter& WireWriter::Fields(const Table& table) {
  const std::size_t start = out_.size();
  U32(0);
  for (const auto& [name, value] : table) {
    ShortString(name);
    Value(value);
  }
  std::string length;
  Append(length, out_.size() - start - 4, 4);
  out_.replace(start, 4, length);
  return *this;
}

void WireWriter::Value(const TableValue& value) {
  if (const auto* flag = std::get_if<bool>(&value.value)) {
    out_ += 't';
    U8(*flag ? 1 : 0);
  } else if (const auto* number = std::get_if<std::int64_t>(&value.value)) {
    out_ += 'l';
    U64(static_cast<std::uint64_t>(*number));
  } else if (const auto* text = std::get_if<std::string>(&value.value)) {
    out_ += 'S';
    LongString(*text);
  } else if (const auto* table = std::get_if<std::shared_ptr<const Table>>(&value.value)) {
    out_ += 'F';
    Fields(**table);
  } else {
    out_ += 'V';
  }
}

void WireReader::Break() {
  ok_ = false;
  rest_ = {};
}

std::string_view WireReader::Take(std::size_t count) {
  if (count > rest_.size()) {
    Break();
    return {};
  }
  const std::string_view taken = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return taken;
}

std::uint64_t WireReader::Unsigned(std::size_t bytes) {
  std::uint64_t value = 0;
  for (const char byte : Take(bytes)) value = (value << 8) | static_cast<std::uint8_t>(byte);
  return value;
}

std::uint8_t WireReader::U8() { return static_cast<std::uint8_t>(Unsigned(1)); }
std::uint16_t WireReader::U16() { return static_cast<std::uint16_t>(Unsigned(2)); }
std::uint32_t WireReader::U32() { return static_cast<std::uint32_t>(Unsigned(4)); }
std::uint64_t WireReader::U64() { return Unsigned(8); }
std::string_view WireReader::ShortString() { return Take(U8()); }
std::string_view WireReader::LongString() { return Take(U32()); }

Table WireReader::Fields(int depth) {
  Table table;
  WireReader inner(LongString());
  if (depth > kTableDepthMax) Break();
  while (ok_ && inner.ok() && !inner.rest().empty()) {
    std::string name(inner.ShortString());
    TableValue value = inner.Value(depth);
    table.insert_or_assign(std::move(name), std::move(value));
  }
  if (!inner.ok()) Break();
  if (!ok_) table.clear();
  return table;
}

// The letters are those of RabbitMQ, which differ from the specification's in a few places.
TableValue WireReader::Value(int depth) {
  switch (static_cast<char>(U8())) {
    case 't':
      return {U8() != 0};
    case 'b':
      return {std::int64_t{static_cast<std::int8_t>(U8())}};
    case 'B':
      return {std::int64_t{U8()}};
    case 's':
      return {std::int64_t{static_cast<std::int16_t>(U16())}};
    case 'u':
      return {std::int64_t{U16()}};
    case 'I':
      return {std::int64_t{static_cast<std::int32_t>(U32())}};
    case 'i':
      return {std::int64_t{U32()}};
    case 'l':
    case 'T':
      return {static_cast<std::int64_t>(U64())};
    case 'f':
      Take(4);
      return {};
    case 'd':
      Take(8);
      return {};
    case 'D':
      Take(5);
      return {};
    case 'S':
    case 'x':
      return {std::string(LongString())};
    case 'A':
      LongString();
      return {};
    case 'F':
      return {std::make_shared<const Table>(Fields(depth + 1))};
    case 'V':
      return {};
    default:
      Break();
      return {};
  }
}

std::int64_t IntOf(const Table& table, std::string_view name, std::int64_t fallback) {
  const auto found = table.find(name);
  if (found == table.end()) return fallback;
  const auto* number = std::get_if<std::int64_t>(&found->second.value);
  return number == nullptr ? fallback : *number;
}

std::string TextOf(const Table& table, std::string_view name) {
  const auto found = table.find(name);
  if (found == table.end()) return {};
  const auto* text = std::get_if<std::string>(&found->second.value);
  return text == nullptr ? std::string() : *text;
}

}  // namespace asya::transports::rabbitmq
