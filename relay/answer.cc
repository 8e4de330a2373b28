#include "relay/answer.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "core/base/utf8.h"

namespace asya::relay {
namespace {

// "2.5 s"; whole milliseconds at the finest.
std::string Seconds(std::chrono::microseconds time) {
  const std::int64_t milliseconds = std::max<std::int64_t>(1, time.count() / 1000);
  std::string text = std::to_string(milliseconds / 1000);
  if (milliseconds % 1000 != 0) {
    std::string fraction = std::to_string(1000 + milliseconds % 1000).substr(1);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    text += "." + fraction;
  }
  return text + " s";
}

}  // namespace

json::Value ErrorValue(const HandlerError& error) {
  json::Array mro;
  for (const std::string& name : error.mro) mro.emplace_back(name);
  json::Object value{{"type", error.type}, {"message", error.message}, {"mro", std::move(mro)}};
  if (!error.traceback.empty()) value.emplace("traceback", error.traceback);
  return value;
}

std::string CutText(std::string text, std::size_t limit_bytes) {
  if (text.size() <= limit_bytes) return text;
  return std::string(CutUtf8(text, limit_bytes)) + "…";
}

std::string TookLongerThan(std::chrono::microseconds time) { return "the call took longer than " + Seconds(time); }

}  // namespace asya::relay
