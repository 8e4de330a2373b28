// Value: one JSON value; objects keep their keys sorted, so that the same value always prints the same bytes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/result.h"

namespace asya::json {

class Value;
using Array = std::vector<Value>;
using Object = std::map<std::string, Value, std::less<>>;

class Value {
 public:
  Value() : data_(nullptr) {}
  // NOLINTBEGIN(google-explicit-constructor): literals read as JSON
  Value(std::nullptr_t) : data_(nullptr) {}
  Value(bool value) : data_(value) {}
  Value(int value) : data_(std::int64_t{value}) {}
  Value(std::int64_t value) : data_(value) {}
  Value(double value) : data_(value) {}
  Value(std::string value) : data_(std::move(value)) {}
  Value(std::string_view value) : data_(std::string(value)) {}
  Value(const char* value) : data_(std::string(value)) {}
  Value(Array value) : data_(std::move(value)) {}
  Value(Object value) : data_(std::move(value)) {}
  // NOLINTEND(google-explicit-constructor)

  [[nodiscard]] bool IsNull() const { return std::holds_alternative<std::nullptr_t>(data_); }
  [[nodiscard]] bool IsBool() const { return std::holds_alternative<bool>(data_); }
  [[nodiscard]] bool IsInt() const { return std::holds_alternative<std::int64_t>(data_); }
  [[nodiscard]] bool IsDouble() const { return std::holds_alternative<double>(data_); }
  [[nodiscard]] bool IsNumber() const { return IsInt() || IsDouble(); }
  [[nodiscard]] bool IsString() const { return std::holds_alternative<std::string>(data_); }
  [[nodiscard]] bool IsArray() const { return std::holds_alternative<Array>(data_); }
  [[nodiscard]] bool IsObject() const { return std::holds_alternative<Object>(data_); }

  // The typed readers require the type (a wrong one ends the process); ask Is… or use the Get… forms on outside data.
  [[nodiscard]] bool AsBool() const { return std::get<bool>(data_); }
  [[nodiscard]] std::int64_t AsInt() const { return std::get<std::int64_t>(data_); }
  [[nodiscard]] double AsDouble() const { return IsInt() ? static_cast<double>(AsInt()) : std::get<double>(data_); }
  [[nodiscard]] const std::string& AsString() const { return std::get<std::string>(data_); }
  [[nodiscard]] const Array& AsArray() const { return std::get<Array>(data_); }
  [[nodiscard]] const Object& AsObject() const { return std::get<Object>(data_); }
  Array& AsArray() { return std::get<Array>(data_); }
  Object& AsObject() { return std::get<Object>(data_); }
  std::string& AsString() { return std::get<std::string>(data_); }

  // The member `key`, or nullptr when this is no object or has no such member.
  [[nodiscard]] const Value* Find(std::string_view key) const;
  Value* Find(std::string_view key);
  // Follows member names, e.g. FindPath({"spec", "scaling", "enabled"}); nullptr where the path ends early.
  [[nodiscard]] const Value* FindPath(std::initializer_list<std::string_view> path) const;
  // The member when it is of that type.
  [[nodiscard]] std::optional<std::string> GetString(std::string_view key) const;
  [[nodiscard]] std::optional<std::int64_t> GetInt(std::string_view key) const;
  [[nodiscard]] std::optional<bool> GetBool(std::string_view key) const;
  // The member, made null if absent; turns a null value into an object first. Requires an object or null.
  Value& operator[](std::string_view key);

  // "null", "boolean", "integer", "number", "string", "array" or "object".
  [[nodiscard]] const char* TypeName() const;

  friend bool operator==(const Value& a, const Value& b);
  friend bool operator!=(const Value& a, const Value& b) { return !(a == b); }

 private:
  std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Array, Object> data_;
};

// Compact JSON, keys sorted, UTF-8 kept as it is; the same value gives the same bytes.
std::string Dump(const Value& value);
// The same over several lines with two spaces of indent.
std::string DumpPretty(const Value& value);
// `text` as a quoted JSON string.
std::string Quote(std::string_view text);
// The same at the end of `out`.
void AppendDump(std::string& out, const Value& value);
void AppendDump(std::string& out, const Object& object);
void AppendQuoted(std::string& out, std::string_view text);

}  // namespace asya::json
