#include "transports/pubsub/report.h"

#include <array>
#include <charconv>
#include <cstddef>

namespace asya::transports::pubsub {
namespace {

constexpr std::size_t kWordsMax = 7;
using Words = std::array<std::string_view, kWordsMax>;

Words WordsOf(std::string_view line) {
  Words words;
  for (std::string_view& word : words) {
    const std::size_t space = line.find(' ');
    word = line.substr(0, space);
    if (space == std::string_view::npos) break;
    line.remove_prefix(space + 1);
  }
  return words;
}

bool Number(std::string_view text, std::int64_t& value) {
  constexpr std::int64_t kMax = std::int64_t{1} << 60U;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= 0 && value < kMax;
}

Error NoReport() { return Invalid("", "not a report about queues"); }

}  // namespace

// One line for the process, then one for each change: all of them words and numbers.
std::string EncodeReport(const Report& report) {
  std::string out = "by " + report.instance + " " + std::to_string(report.number) + " " +
                    std::to_string(report.leased) + " " + std::to_string(report.idle_ms) + " " +
                    (report.ends ? "1" : "0") + " " + report.queue + "\n";
  for (const auto& [queue, change] : report.changes) {
    if (change.arrived > 0) out += "in " + queue + " " + std::to_string(change.arrived) + "\n";
    if (change.settled > 0) out += "out " + queue + " " + std::to_string(change.settled) + "\n";
    for (const WallTime due : change.due) {
      out += "due " + queue + " " + std::to_string(due.time_since_epoch().count()) + "\n";
    }
  }
  return out;
}

Result<Report> DecodeReport(std::string_view text) {
  Report report;
  bool first = true;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const Words words = WordsOf(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    std::int64_t number = 0;
    if (first) {
      if (words[0] != "by" || words[1].empty() || !Number(words[2], report.number) ||
          !Number(words[3], report.leased) || !Number(words[4], report.idle_ms) || !Number(words[5], number)) {
        return NoReport();
      }
      report.instance = words[1];
      report.ends = number == 1;
      report.queue = words[6];
      first = false;
      continue;
    }
    if (words[1].empty() || !Number(words[2], number)) return NoReport();
    QueueChange& change = report.changes[std::string(words[1])];
    if (words[0] == "in") change.arrived += number;
    if (words[0] == "out") change.settled += number;
    if (words[0] == "due" && change.due.size() < kDueTimesMax) {
      change.due.emplace_back(std::chrono::microseconds(number));
    }
  }
  if (first) return NoReport();
  return report;
}

}  // namespace asya::transports::pubsub
