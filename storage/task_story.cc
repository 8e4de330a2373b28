#include "storage/task_story.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

#include "core/json/value.h"

namespace asya::storage {
namespace {

constexpr double kMillion = 1e6;

}  // namespace

std::string EventData(ports::TaskStatus status, double progress, const std::string& actor, const std::string& reason,
                      const std::string& hop_json) {
  constexpr std::size_t kWordsBytes = 128;  // beside the hop
  std::string data;
  data.reserve(hop_json.size() + kWordsBytes);
  const auto member = [&data](std::string_view opening) -> std::string& {
    data += data.empty() ? '{' : ',';
    return data += opening;
  };
  if (!actor.empty()) json::AppendQuoted(member(R"("actor":)"), actor);
  if (!hop_json.empty()) member(R"("hop":)") += hop_json;
  if (const std::int64_t millionths = ToMillionths(progress); millionths > 0) {
    json::AppendDump(member(R"("progress":)"), json::Value(FromMillionths(millionths)));
  }
  if (!reason.empty()) json::AppendQuoted(member(R"("reason":)"), reason);
  member(R"("status":")") += ports::TaskStatusName(status);
  data += "\"}";
  return data;
}

std::string TimeoutErrorJson() {
  return R"({"message":"the deadline of the task passed before it finished","mro":[],"traceback":"","type":"Timeout"})";
}

std::string SignatureOf(const ports::DeadLetter& letter) {
  if (!letter.signature.empty()) return letter.signature;
  return letter.actor + "/" + letter.reason + "/" + letter.error_type;
}

std::int64_t ToMillionths(double progress) {
  if (!(progress > 0)) return 0;
  return std::llround(std::min(progress, 1.0) * kMillion);
}

double FromMillionths(std::int64_t millionths) { return static_cast<double>(millionths) / kMillion; }

Result<std::optional<std::int64_t>> ParseCursor(const std::string& cursor) {
  if (cursor.empty()) return std::optional<std::int64_t>();
  std::int64_t sequence = 0;
  const auto [end, error] = std::from_chars(cursor.data(), cursor.data() + cursor.size(), sequence);
  if (error != std::errc() || end != cursor.data() + cursor.size() || sequence <= 0) {
    return Invalid("cursor", "\"" + cursor + "\" is not a cursor that an earlier page gave");
  }
  return std::optional<std::int64_t>(sequence);
}

}  // namespace asya::storage
