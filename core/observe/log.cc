#include "core/observe/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <charconv>
#include <cmath>
#include <utility>

namespace asya::observe {
namespace {

const char* LevelName(Level level) {
  switch (level) {
    case Level::kDebug:
      return "DEBUG";
    case Level::kInfo:
      return "INFO";
    case Level::kWarning:
      return "WARNING";
    case Level::kError:
      return "ERROR";
  }
  return "ERROR";
}

void AppendQuoted(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4U];
      out += kHex[byte & 0xFU];
    } else {
      out += c;
    }
  }
  out += '"';
}

void AppendDouble(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char digits[40];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), value);
  out.append(digits, end.ptr);
}

void AppendField(std::string& out, const Field& field) {
  out += ',';
  AppendQuoted(out, field.key);
  out += ':';
  if (const auto* text = std::get_if<std::string_view>(&field.value)) {
    AppendQuoted(out, *text);
  } else if (const auto* flag = std::get_if<bool>(&field.value)) {
    out += *flag ? "true" : "false";
  } else if (const auto* number = std::get_if<double>(&field.value)) {
    AppendDouble(out, *number);
  } else {
    out += std::to_string(std::get<std::int64_t>(field.value));
  }
}

}  // namespace

// spdlog adds the time and writes whole lines; the JSON after it is ours, so that no message can break it.
struct Logger::Sink {
  explicit Sink(Level at_least) : level(at_least), logger("asya", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    logger.set_level(spdlog::level::trace);
    logger.set_pattern("{\"ts\":\"%Y-%m-%dT%H:%M:%S.%fZ\",%v", spdlog::pattern_time_type::utc);
    logger.flush_on(spdlog::level::trace);
  }
  Level level;
  spdlog::logger logger;
};

Logger::Logger(std::shared_ptr<Sink> sink, std::string component)
    : sink_(std::move(sink)), component_(std::move(component)) {}

Logger Logger::ToStderr(std::string component, Level level) {
  return Logger(std::make_shared<Sink>(level), std::move(component));
}

Logger Logger::Silent() { return Logger(nullptr, {}); }

Logger Logger::For(std::string component) const { return Logger(sink_, std::move(component)); }

void Logger::Log(Level level, std::string_view message, std::initializer_list<Field> fields) const {
  if (sink_ == nullptr || level < sink_->level) return;
  std::string line = "\"level\":\"";
  line += LevelName(level);
  line += "\",\"msg\":";
  AppendQuoted(line, message);
  line += ",\"component\":";
  AppendQuoted(line, component_);
  for (const Field& field : fields) AppendField(line, field);
  line += '}';
  sink_->logger.log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace asya::observe
