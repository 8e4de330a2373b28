#include "server/history_options.h"

#include <charconv>
#include <chrono>

#include "core/base/clock.h"

namespace asya::server {
namespace {

constexpr std::chrono::hours kAgeLeast{1};

std::string Given(const std::map<std::string, std::string>& variables, const char* name) {
  const auto found = variables.find(name);
  return found == variables.end() ? std::string() : found->second;
}

void ReadCount(const std::map<std::string, std::string>& variables, const char* name, std::int64_t& count,
               std::string& problems) {
  const std::string text = Given(variables, name);
  if (text.empty()) return;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size() && number > 0) {
    count = number;
    return;
  }
  problems += (problems.empty() ? "" : "\n") + std::string(name) + ": got \"" + text +
              "\"; a number of entries above zero is accepted";
}

}  // namespace

Result<storage::HistoryRetention> ReadHistoryRetention(const std::map<std::string, std::string>& variables) {
  constexpr const char* kAge = "ASYA_HISTORY_AGE";
  storage::HistoryRetention kept;
  std::string problems;
  if (const std::string text = Given(variables, kAge); !text.empty()) {
    const auto age = ParseGoDuration(text);
    if (age && *age >= kAgeLeast) {
      kept.age_max = std::chrono::floor<std::chrono::hours>(*age);
    } else {
      problems = std::string(kAge) + ": got \"" + text + "\"; a duration of at least an hour is accepted, e.g. 720h";
    }
  }
  ReadCount(variables, "ASYA_HISTORY_ENTRIES_PER_OBJECT", kept.entries_per_object_max, problems);
  ReadCount(variables, "ASYA_HISTORY_ENTRIES", kept.entries_max, problems);
  if (!problems.empty()) return Fail(ErrorCode::kInvalid, problems);
  return kept;
}

}  // namespace asya::server
