#include "storage/task_story.h"

#include <algorithm>
#include <cmath>

#include "core/json/value.h"

namespace asya::storage {
namespace {

constexpr double kMillion = 1e6;

}  // namespace

std::string EventData(ports::TaskStatus status, double progress, const std::string& actor, const std::string& reason,
                      const std::string& hop_json) {
  std::string data = "{";
  if (!actor.empty()) data += "\"actor\":" + json::Quote(actor) + ",";
  if (!hop_json.empty()) data += "\"hop\":" + hop_json + ",";
  const std::int64_t millionths = ToMillionths(progress);
  if (millionths > 0) data += "\"progress\":" + json::Dump(json::Value(FromMillionths(millionths))) + ",";
  if (!reason.empty()) data += "\"reason\":" + json::Quote(reason) + ",";
  data += std::string("\"status\":\"") + ports::TaskStatusName(status) + "\"}";
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

}  // namespace asya::storage
