#include "transports/rabbitmq/wire.h"

#include <algorithm>
#include <array>
#include <utility>

namespace asya::transports::rabbitmq {
namespace {

// The lowest bytes of the value, the first of them the highest.
template <std::size_t kBytes>
std::array<char, kBytes> BytesOf(std::uint64_t value) {
  std::array<char, kBytes> bytes;
  for (std::size_t i = 0; i < kBytes; ++i) bytes[i] = static_cast<char>(value >> (8 * (kBytes - 1 - i)));
  return bytes;
}

template <std::size_t kBytes>
void Append(std::string& out, std::uint64_t value) {
  const auto bytes = BytesOf<kBytes>(value);
  out.append(bytes.data(), kBytes);
}

}  // namespace

WireWriter& WireWriter::U8(std::uint8_t value) {
  out_ += static_cast<char>(value);
  return *this;
}

WireWriter& WireWriter::U16(std::uint16_t value) {
  Append<2>(out_, value);
  return *this;
}

WireWriter& WireWriter::U32(std::uint32_t value) {
  Append<4>(out_, value);
  return *this;
}

WireWriter& WireWriter::U64(std::uint64_t value) {
  Append<8>(out_, value);
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

std::size_t WireWriter::BeginFields() {
  U32(0);
  return out_.size();
}

void WireWriter::EndFields(std::size_t start) {
  SetU32(start - sizeof(std::uint32_t), static_cast<std::uint32_t>(out_.size() - start));
}

void WireWriter::SetU32(std::size_t at, std::uint32_t value) {
  const auto bytes = BytesOf<sizeof value>(value);
  std::copy(bytes.begin(), bytes.end(), out_.begin() + static_cast<std::ptrdiff_t>(at));
}

void WireWriter::NumberField(std::string_view name, std::int64_t value) {
  ShortString(name);
  out_ += 'l';
  U64(static_cast<std::uint64_t>(value));
}

WireWriter& WireWriter::Fields(const Table& table) {
  const std::size_t start = BeginFields();
  for (const auto& [name, value] : table) {
    ShortString(name);
    Value(value);
  }
  EndFields(start);
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

template <std::size_t kBytes>
std::uint64_t WireReader::Unsigned() {
  const std::string_view bytes = Take(kBytes);
  if (bytes.size() < kBytes) return 0;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < kBytes; ++i) value = value << 8U | static_cast<std::uint8_t>(bytes[i]);
  return value;
}

std::uint8_t WireReader::U8() { return static_cast<std::uint8_t>(Unsigned<1>()); }
std::uint16_t WireReader::U16() { return static_cast<std::uint16_t>(Unsigned<2>()); }
std::uint32_t WireReader::U32() { return static_cast<std::uint32_t>(Unsigned<4>()); }
std::uint64_t WireReader::U64() { return Unsigned<8>(); }
std::string_view WireReader::ShortString() { return Take(U8()); }
std::string_view WireReader::LongString() { return Take(U32()); }

Table WireReader::Fields(int depth) {
  Table table;
  EachField([&table](std::string_view name,
                     TableValue value) { table.insert_or_assign(std::string(name), std::move(value)); },
            depth);
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
