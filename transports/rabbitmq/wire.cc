#include "transports/rabbitmq/wire.h"

#include <utility>

namespace asya::transports::rabbitmq {

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
