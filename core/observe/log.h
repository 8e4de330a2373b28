// Logger: constant messages with fields, one JSON line each; never payloads, tokens or connection strings.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace asya::observe {

enum class Level { kDebug, kInfo, kWarning, kError };

// One field of a log line. Views must live until the call returns.
struct Field {
  std::string_view key;
  std::variant<std::int64_t, double, bool, std::string_view> value;
  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
  Field(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
  Field(std::string_view k, bool v) : key(k), value(v) {}
  Field(std::string_view k, int v) : key(k), value(std::int64_t{v}) {}
  Field(std::string_view k, long v) : key(k), value(std::int64_t{v}) {}
  Field(std::string_view k, unsigned long v) : key(k), value(static_cast<std::int64_t>(v)) {}
  Field(std::string_view k, double v) : key(k), value(v) {}
};

// Cheap to copy, thread safe.
class Logger {
 public:
  // JSON lines to stderr; `component` is in every line. Level names: DEBUG, INFO, WARNING, ERROR.
  static Logger ToStderr(std::string component, Level level);
  // Drops everything; for tests.
  static Logger Silent();
  // The same sink with another component name.
  [[nodiscard]] Logger For(std::string component) const;

  void Log(Level level, std::string_view message, std::initializer_list<Field> fields = {}) const;
  void Debug(std::string_view message, std::initializer_list<Field> fields = {}) const {
    Log(Level::kDebug, message, fields);
  }
  void Info(std::string_view message, std::initializer_list<Field> fields = {}) const {
    Log(Level::kInfo, message, fields);
  }
  void Warning(std::string_view message, std::initializer_list<Field> fields = {}) const {
    Log(Level::kWarning, message, fields);
  }
  void Error(std::string_view message, std::initializer_list<Field> fields = {}) const {
    Log(Level::kError, message, fields);
  }

 private:
  struct Sink;
  Logger(std::shared_ptr<Sink> sink, std::string component);
  std::shared_ptr<Sink> sink_;
  std::string component_;
};

}  // namespace asya::observe
