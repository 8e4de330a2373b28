#include "core/json/value.h"

#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

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
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  Write(writer, value);
  return std::string(buffer.GetString(), buffer.GetSize());
}

std::string DumpPretty(const Value& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::PrettyWriter<rapidjson::StringBuffer> writer(buffer);
  writer.SetIndent(' ', 2);
  Write(writer, value);
  return std::string(buffer.GetString(), buffer.GetSize());
}

std::string Quote(std::string_view text) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  writer.String(text.data(), Size(text));
  return std::string(buffer.GetString(), buffer.GetSize());
}

}  // namespace asya::json
