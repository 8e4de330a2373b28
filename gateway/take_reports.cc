#include "gateway/take_reports.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <utility>

#include "core/json/parse.h"
#include "core/json/scan.h"
#include "core/json/split.h"
#include "gateway/dead_letters.h"
#include "gateway/problem.h"
#include "model/envelope.h"

namespace asya::gateway {
namespace {

// Of a report: as deep as the envelope that it tells of, and what is around it.
constexpr std::size_t kReportDepth = 1024;

// Texts that a store keeps beside the JSON: PostgreSQL takes no NUL in them, and a report that is refused would be
// repeated for ever.
std::string WithoutNul(std::string text) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
  for (auto at = text.find('\0'); at != std::string::npos; at = text.find('\0', at)) text.replace(at, 1, kReplacement);
  return text;
}

json::SplitOptions DeepEnough() {
  json::SplitOptions options;
  options.depth_limit = kReportDepth;
  return options;
}

// One report as the wire has it (docs/reference/reports.md).
class Item {
 public:
  enum Name : unsigned {
    kTask,
    kType,
    kNamespace,
    kParent,
    kStatus,
    kActor,
    kReason,
    kProgress,
    kHop,
    kResult,
    kError,
    kData,
    kEnvelope,
    kRawBase64,
    kInFlight,
    kNames
  };

  // False, and the item is to be read the careful way, where the quick scan is not sure.
  bool Read(json::Scan& scan);
  Status ReadCarefully(std::string_view text);

  [[nodiscard]] std::string Raw(Name name) const { return std::string(values_[name] == "null" ? "" : values_[name]); }
  [[nodiscard]] std::string Text(Name name) const {
    const std::string_view value = values_[name];
    if (value.size() < 2 || value.front() != '"') return "";
    // Nearly all of these words are without escapes, and many of them come in one batch.
    if (value.find('\\') == std::string_view::npos) return std::string(value.substr(1, value.size() - 2));
    const auto parsed = json::Parse(value);
    return parsed.ok() && parsed->IsString() ? WithoutNul(parsed->AsString()) : "";
  }
  [[nodiscard]] double Number(Name name) const {
    const std::string_view value = values_[name];
    double number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    return error == std::errc() && end == value.data() + value.size() ? number : 0;
  }

 private:
  static unsigned PlaceOf(std::string_view key) {
    static constexpr std::string_view kKeys[kNames] = {"task",  "type",   "namespace", "parent",     "status",
                                                       "actor", "reason", "progress",  "hop",        "result",
                                                       "error", "data",   "envelope",  "raw_base64", "in_flight"};
    unsigned place = 0;
    while (place < kNames && kKeys[place] != key) ++place;
    return place;
  }

  std::string_view values_[kNames];  // as they are written; empty where there is none
};

// Of members that nobody knows, the quick way does not tell whether one comes twice.
bool Item::Read(json::Scan& scan) {
  constexpr std::size_t kDepth = 64;
  if (!scan.Take('{')) return false;
  do {
    scan.Space();
    const auto key = scan.Key();
    scan.Space();
    const unsigned place = key && !key->escaped ? PlaceOf(key->inside) : kNames;
    if (place == kNames || !values_[place].empty()) return false;
    const auto value = scan.Value(kDepth);
    if (!value) return false;
    values_[place] = *value;
    scan.Space();
  } while (scan.Take(','));
  return scan.Take('}');
}

Status Item::ReadCarefully(std::string_view text) {
  ASYA_TRY(const auto members, json::Split(text, DeepEnough()));
  for (const json::Member& member : members) {
    if (const unsigned place = PlaceOf(member.key); place < kNames) values_[place] = member.value;
  }
  return Ok();
}

struct Batch {
  std::vector<ports::TaskReport> reports;
  std::vector<ports::DeadLetter> letters;
  std::vector<ports::FlyEvent> fly;
  std::optional<std::int64_t> in_flight;  // as it was told last
};

// The three words of a relay's progress all mean running (spec 07).
std::optional<ports::TaskStatus> StatusFrom(const std::string& word) {
  if (word == "received" || word == "processing" || word == "completed" || word == "retrying") {
    return ports::TaskStatus::kRunning;
  }
  return ports::ParseTaskStatus(word);
}

Status ReadStatus(const Item& item, std::string task_id, Batch& batch) {
  const std::string word = item.Text(Item::kStatus);
  const auto status = StatusFrom(word);
  if (!status) {
    return Invalid("status", "got \"" + word +
                                 "\"; received, processing, completed, running, paused, succeeded, failed "
                                 "and canceled are accepted");
  }
  ports::TaskReport report;
  report.task_id = std::move(task_id);
  report.status = *status;
  report.progress = item.Number(Item::kProgress);
  report.current_actor = item.Text(Item::kActor);
  // Where an envelope ended is more telling than who reports it; that x-sink itself failed has to be told.
  if (report.current_actor == model::kSinkActor && *status != ports::TaskStatus::kFailed) report.current_actor.clear();
  report.result_json = item.Raw(Item::kResult);
  report.error_json = item.Raw(Item::kError);
  report.reason = item.Text(Item::kReason);
  report.parent_id = item.Text(Item::kParent);
  report.namespace_ = item.Text(Item::kNamespace);
  report.hop_json = item.Raw(Item::kHop);
  batch.reports.push_back(std::move(report));
  return Ok();
}

Status ReadDeadLetter(const Item& item, const Deps& deps, Batch& batch) {
  ports::DeadLetter letter;
  letter.namespace_ = item.Text(Item::kNamespace);
  letter.at = deps.clock.Now();
  letter.raw_base64 = item.Text(Item::kRawBase64);
  letter.envelope_json = item.Raw(Item::kEnvelope);
  letter.actor = item.Text(Item::kActor);
  letter.reason = item.Text(Item::kReason);
  letter.id = item.Text(Item::kTask);
  if (!letter.envelope_json.empty()) {
    const auto envelope = model::ParseEnvelope(letter.envelope_json);
    if (!envelope.ok()) return Invalid("envelope", envelope.error().message);
    letter.id = WithoutNul(envelope->id);
    if (letter.reason.empty()) letter.reason = WithoutNul(envelope->status.reason);
    if (!envelope->route.curr.empty()) letter.actor = WithoutNul(envelope->route.curr);
    letter.error_type = WithoutNul(envelope->status.error.GetString("type").value_or(""));
    letter.error_message = WithoutNul(envelope->status.error.GetString("message").value_or(""));
  }
  if (letter.id.empty()) return Invalid("task", "missing; the id of the envelope is accepted");
  letter.signature = SignatureOf(letter);
  batch.letters.push_back(std::move(letter));
  return Ok();
}

Status ReadLoad(const Item& item, Batch& batch) {
  constexpr double kMost = 1e9;  // no relay has that many
  const double in_flight = item.Number(Item::kInFlight);
  if (item.Raw(Item::kInFlight).empty() || in_flight < 0 || in_flight > kMost) {
    return Invalid("in_flight", "a count of envelopes is accepted");
  }
  batch.in_flight = static_cast<std::int64_t>(in_flight);
  return Ok();
}

Status TakeItem(const Item& item, const std::string& task_id, const Deps& deps, Batch& batch) {
  const std::string type = item.Text(Item::kType);
  std::string id = task_id.empty() ? item.Text(Item::kTask) : task_id;
  if (type == "dead-letter") return ReadDeadLetter(item, deps, batch);
  if (type == "load") return ReadLoad(item, batch);
  if (id.empty()) return Invalid("task", "missing; the id of a task is accepted");
  if (type == "fly") {
    std::string data = item.Raw(Item::kData);
    batch.fly.push_back({std::move(id), item.Text(Item::kNamespace), data.empty() ? "null" : std::move(data)});
    return Ok();
  }
  if (type == "status") return ReadStatus(item, std::move(id), batch);
  return Invalid("type", "got \"" + type + "\"; status, fly, dead-letter and load are accepted");
}

// The usual array of usual items, in one walk; nothing of any other.
std::optional<std::vector<Item>> ScanItems(std::string_view text, std::size_t items_max) {
  constexpr std::size_t kUsualBytes = 200;  // of an item; too few are no fault
  std::vector<Item> items;
  items.reserve(std::min(items_max, text.size() / kUsualBytes + 1));
  json::Scan scan(text);
  scan.Space();
  const bool is_array = scan.Take('[');
  do {
    scan.Space();
    if (items.size() == items_max || !items.emplace_back().Read(scan)) return std::nullopt;
    scan.Space();
  } while (is_array && scan.Take(','));
  if ((is_array && !scan.Take(']')) || !scan.AtEnd()) return std::nullopt;
  return items;
}

Error At(std::size_t place, Error error) {
  error.field = "[" + std::to_string(place) + "]" + (error.field.empty() ? "" : "." + error.field);
  return error;
}

Result<std::vector<Item>> ReadItems(std::string_view text, std::size_t items_max) {
  if (auto scanned = ScanItems(text, items_max)) return std::move(*scanned);
  std::vector<std::string_view> texts;
  if (!text.empty() && text.front() == '{') {
    texts.push_back(text);
  } else {
    ASYA_TRY(texts, json::SplitArray(text, DeepEnough()));
  }
  if (texts.size() > items_max) {
    return Fail(ErrorCode::kTooLarge, std::to_string(texts.size()) + " reports; at most " + std::to_string(items_max) +
                                          " are accepted at once");
  }
  std::vector<Item> items(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (const Status read = items[i].ReadCarefully(texts[i]); !read.ok()) return At(i, read.error());
  }
  return items;
}

Result<Batch> ReadBatch(const http::Request& request, const std::string& task_id, const Deps& deps,
                        const Limits& limits) {
  ASYA_TRY(const auto items, ReadItems(request.body, limits.report_batch_items));
  Batch batch;
  batch.reports.reserve(items.size());
  const std::optional<std::string> speaks_for =
      deps.speaks_for ? std::optional(deps.speaks_for(request)) : std::nullopt;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (speaks_for && items[i].Text(Item::kNamespace) != *speaks_for) {
      return At(i, Error{ErrorCode::kForbidden, "this relay speaks for namespace \"" + *speaks_for + "\" alone",
                         "namespace"});
    }
    if (const Status taken = TakeItem(items[i], task_id, deps, batch); !taken.ok()) return At(i, taken.error());
  }
  return batch;
}

}  // namespace

void TakeReports(const http::Request& request, const std::string& task_id, http::Responder responder, const Deps& deps,
                 const Limits& limits) {
  auto batch = ReadBatch(request, task_id, deps, limits);
  if (!batch.ok()) return responder.Send(Problem(batch.error()));
  if (batch->in_flight && deps.on_load) deps.on_load(request, *batch->in_flight);
  for (const ports::FlyEvent& event : batch->fly) deps.hub.Fly(event);
  // Before the ends: who listens elsewhere would go away at one.
  if (deps.hand_on_fly && !batch->fly.empty()) deps.hand_on_fly(std::move(batch->fly));
  if (!batch->letters.empty()) {
    if (const Status kept = deps.tasks.PutDeadLetters(batch->letters); !kept.ok()) {
      return responder.Send(Problem(kept.error()));
    }
    deps.metrics.DeadLetters(batch->letters.size());
  }
  std::vector<ports::TaskStatus> told;
  told.reserve(batch->reports.size());
  for (const ports::TaskReport& report : batch->reports) told.push_back(report.status);
  // std::function must be copyable, and the responder is not.
  const auto answer = std::make_shared<http::Responder>(std::move(responder));
  deps.tasks.ReportThen(std::move(batch->reports), [answer, told = std::move(told), &deps](const Status& applied) {
    if (!applied.ok()) return answer->Send(Problem(applied.error()));
    for (const ports::TaskStatus status : told) deps.metrics.Reported(status);
    answer->Send(http::Response{204, "", "application/json", {}});
  });
}

}  // namespace asya::gateway
