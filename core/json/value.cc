#include "core/json/value.h"

#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "core/json/scan.h"

namespace asya::json {
namespace {

rapidjson::SizeType Size(std::string_view text) { return static_cast<rapidjson::SizeType>(text.size()); }

template <class Writer>
void Write(Writer& out, const Value& value) {
  if (value.IsNull()) {
    out.Null();
  } else if (value.IsBool()) {
    out.Bool(value.AsBool());
  } else if (value.IsInt()) {
    out.Int64(value.AsInt());
  } else if (value.IsDouble()) {
    out.Double(value.AsDouble());
  } else if (value.IsString()) {
    out.String(value.AsString().data(), Size(value.AsString()));
  } else if (value.IsArray()) {
    out.StartArray();
    for (const Value& item : value.AsArray()) Write(out, item);
    out.EndArray();
  } else {
    out.StartObject();
    for (const auto& [key, member] : value.AsObject()) {
      out.Key(key.data(), Size(key));
      Write(out, member);
    }
    out.EndObject();
  }
}

void AppendInt(std::string& out, std::int64_t value) {
  std::array<char, std::numeric_limits<std::int64_t>::digits10 + 3> digits{};
  const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

// What has six decimals at most, such as a progress or a time in milliseconds; false leaves it to the careful way.
bool AppendDecimals(std::string& out, double value) {
  constexpr double kMillion = 1e6;
  constexpr double kLargest = 1e8;  // so that fifteen digits are enough for all of it
  if (!(std::fabs(value) < kLargest) || std::signbit(value)) return false;
  const auto millionths = std::llround(value * kMillion);
  if (static_cast<double>(millionths) / kMillion != value) return false;
  AppendInt(out, millionths / 1'000'000);
  std::array<char, 7> decimals{'.'};
  std::int64_t rest = millionths % 1'000'000;
  for (std::size_t i = decimals.size() - 1; i > 0; --i, rest /= 10) decimals[i] = static_cast<char>('0' + rest % 10);
  std::size_t size = decimals.size();
  while (size > 2 && decimals[size - 1] == '0') --size;
  out.append(decimals.data(), size);
  return true;
}

// A byte of a string that does not simply stand for itself in ASCII.
void AppendByte(std::string& out, char byte) {
  constexpr std::string_view kEscaped = "\b\f\n\r\t\"\\";
  constexpr std::string_view kLetters = "bfnrt\"\\";
  constexpr std::string_view kHex = "0123456789ABCDEF";
  const auto code = static_cast<unsigned char>(byte);
  const std::size_t known = kEscaped.find(byte);
  if (code >= 0x80) {
    out += byte;
  } else if (known != std::string_view::npos) {
    out += '\\';
    out += kLetters[known];
  } else {
    out += "\\u00";
    out += kHex[code >> 4U];
    out += kHex[code & 0xFU];
  }
}

}  // namespace

const Value* Value::Find(std::string_view key) const {
  const auto* object = std::get_if<Object>(&data_);
  if (object == nullptr) return nullptr;
  const auto found = object->find(key);
  return found == object->end() ? nullptr : &found->second;
}

Value* Value::Find(std::string_view key) { return const_cast<Value*>(std::as_const(*this).Find(key)); }

const Value* Value::FindPath(std::initializer_list<std::string_view> path) const {
  const Value* at = this;
  for (const std::string_view key : path) {
    at = at->Find(key);
    if (at == nullptr) return nullptr;
  }
  return at;
}

std::optional<std::string> Value::GetString(std::string_view key) const {
  const Value* member = Find(key);
  if (member == nullptr || !member->IsString()) return std::nullopt;
  return member->AsString();
}

std::optional<std::int64_t> Value::GetInt(std::string_view key) const {
  const Value* member = Find(key);
  if (member == nullptr || !member->IsInt()) return std::nullopt;
  return member->AsInt();
}

std::optional<bool> Value::GetBool(std::string_view key) const {
  const Value* member = Find(key);
  if (member == nullptr || !member->IsBool()) return std::nullopt;
  return member->AsBool();
}

Value& Value::operator[](std::string_view key) {
  if (IsNull()) data_ = Object{};
  auto& object = std::get<Object>(data_);
  const auto found = object.find(key);
  if (found != object.end()) return found->second;
  return object.emplace(std::string(key), Value()).first->second;
}

const char* Value::TypeName() const {
  constexpr const char* kNames[] = {"null", "boolean", "integer", "number", "string", "array", "object"};
  return kNames[data_.index()];
}

bool operator==(const Value& a, const Value& b) {
  if (a.IsNumber() && b.IsNumber() && a.data_.index() != b.data_.index()) return a.AsDouble() == b.AsDouble();
  return a.data_ == b.data_;
}

std::string Dump(const Value& value) {
  std::string out;
  AppendDump(out, value);
  return out;
}

std::string DumpPretty(const Value& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::PrettyWriter<rapidjson::StringBuffer> writer(buffer);
  writer.SetIndent(' ', 2);
  Write(writer, value);
  return std::string(buffer.GetString(), buffer.GetSize());
}

std::string Quote(std::string_view text) {
  std::string out;
  AppendQuoted(out, text);
  return out;
}

void AppendQuoted(std::string& out, std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  out += '"';
  for (;;) {
    const char* const plain = PlainEnd(at, end);
    out.append(at, static_cast<std::size_t>(plain - at));
    if (plain == end) break;
    AppendByte(out, *plain);
    at = plain + 1;
  }
  out += '"';
}

void AppendDump(std::string& out, const Object& object) {
  out += '{';
  bool first = true;
  for (const auto& [key, member] : object) {
    if (!std::exchange(first, false)) out += ',';
    AppendQuoted(out, key);
    out += ':';
    AppendDump(out, member);
  }
  out += '}';
}

void AppendDump(std::string& out, const Value& value) {
  if (value.IsString()) {
    AppendQuoted(out, value.AsString());
  } else if (value.IsObject()) {
    AppendDump(out, value.AsObject());
  } else if (value.IsArray()) {
    out += '[';
    bool first = true;
    for (const Value& item : value.AsArray()) {
      if (!std::exchange(first, false)) out += ',';
      AppendDump(out, item);
    }
    out += ']';
  } else if (value.IsInt()) {
    AppendInt(out, value.AsInt());
  } else if (value.IsDouble()) {
    if (AppendDecimals(out, value.AsDouble())) return;
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
    writer.Double(value.AsDouble());
    out.append(buffer.GetString(), buffer.GetSize());
  } else {
    out += value.IsNull() ? "null" : value.AsBool() ? "true" : "false";
  }
}

}  // namespace asya::json
