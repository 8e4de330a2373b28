#include "gateway/take_reports.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>

#include "core/json/parse.h"
#include "core/json/split.h"
#include "gateway/dead_letters.h"
#include "gateway/problem.h"
#include "model/envelope.h"

namespace asya::gateway {
namespace {

// One report as the wire has it (docs/reference/reports.md).
struct Item {
  std::vector<json::Member> members;  // checked; of a key that comes twice the first counts

  [[nodiscard]] std::string_view Find(std::string_view key) const {
    const auto found =
        std::find_if(members.begin(), members.end(), [&](const json::Member& member) { return member.key == key; });
    return found == members.end() ? std::string_view() : found->value;
  }
  [[nodiscard]] std::string Raw(std::string_view key) const {
    const std::string_view value = Find(key);
    return value == "null" ? "" : std::string(value);
  }
  [[nodiscard]] std::string Text(std::string_view key) const {
    const std::string_view value = Find(key);
    if (value.size() < 2 || value.front() != '"') return "";
    // Nearly all of these words are without escapes, and many of them come in one batch.
    if (value.find('\\') == std::string_view::npos) return std::string(value.substr(1, value.size() - 2));
    const auto parsed = json::Parse(value);
    return parsed.ok() && parsed->IsString() ? parsed->AsString() : "";
  }
  [[nodiscard]] double Number(std::string_view key) const {
    const std::string_view value = Find(key);
    double number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    return error == std::errc() && end == value.data() + value.size() ? number : 0;
  }
};

struct Batch {
  std::vector<ports::TaskReport> reports;
  std::vector<ports::DeadLetter> letters;
  std::vector<std::pair<std::string, std::string>> fly;
};

// The three words of a relay's progress all mean running (spec 07).
std::optional<ports::TaskStatus> StatusFrom(const std::string& word) {
  if (word == "received" || word == "processing" || word == "completed" || word == "retrying") {
    return ports::TaskStatus::kRunning;
  }
  return ports::ParseTaskStatus(word);
}

Status ReadStatus(const Item& item, std::string task_id, Batch& batch) {
  const std::string word = item.Text("status");
  const auto status = StatusFrom(word);
  if (!status) {
    return Invalid("status", "got \"" + word +
                                 "\"; received, processing, completed, running, paused, succeeded, failed "
                                 "and canceled are accepted");
  }
  ports::TaskReport report;
  report.task_id = std::move(task_id);
  report.status = *status;
  report.progress = item.Number("progress");
  report.current_actor = item.Text("actor");
  // Where an envelope ended is more telling than who reports it; that x-sink itself failed has to be told.
  if (report.current_actor == model::kSinkActor && *status != ports::TaskStatus::kFailed) report.current_actor.clear();
  report.result_json = item.Raw("result");
  report.error_json = item.Raw("error");
  report.reason = item.Text("reason");
  report.parent_id = item.Text("parent");
  report.namespace_ = item.Text("namespace");
  report.hop_json = item.Raw("hop");
  batch.reports.push_back(std::move(report));
  return Ok();
}

Status ReadDeadLetter(const Item& item, const Deps& deps, Batch& batch) {
  ports::DeadLetter letter;
  letter.namespace_ = item.Text("namespace");
  letter.at = deps.clock.Now();
  letter.raw_base64 = item.Text("raw_base64");
  letter.envelope_json = item.Raw("envelope");
  letter.actor = item.Text("actor");
  letter.reason = item.Text("reason");
  letter.id = item.Text("task");
  if (!letter.envelope_json.empty()) {
    const auto envelope = model::ParseEnvelope(letter.envelope_json);
    if (!envelope.ok()) return Invalid("envelope", envelope.error().message);
    letter.id = envelope->id;
    if (letter.reason.empty()) letter.reason = envelope->status.reason;
    if (!envelope->route.curr.empty()) letter.actor = envelope->route.curr;
    letter.error_type = envelope->status.error.GetString("type").value_or("");
    letter.error_message = envelope->status.error.GetString("message").value_or("");
  }
  if (letter.id.empty()) return Invalid("task", "missing; the id of the envelope is accepted");
  letter.signature = SignatureOf(letter);
  batch.letters.push_back(std::move(letter));
  return Ok();
}

Status ReadItem(std::string_view text, const std::string& task_id, const Deps& deps, Batch& batch) {
  Item item;
  ASYA_TRY(item.members, json::Split(text));
  const std::string type = item.Text("type");
  std::string id = task_id.empty() ? item.Text("task") : task_id;
  if (type == "dead-letter") return ReadDeadLetter(item, deps, batch);
  if (id.empty()) return Invalid("task", "missing; the id of a task is accepted");
  if (type == "fly") {
    batch.fly.emplace_back(std::move(id), item.Raw("data"));
    return Ok();
  }
  if (type == "status") return ReadStatus(item, std::move(id), batch);
  return Invalid("type", "got \"" + type + "\"; status, fly and dead-letter are accepted");
}

Result<Batch> ReadBatch(const http::Request& request, const std::string& task_id, const Deps& deps,
                        const Limits& limits) {
  std::vector<std::string_view> items;
  if (!request.body.empty() && request.body.front() == '{') {
    items.push_back(request.body);
  } else {
    ASYA_TRY(items, json::SplitArray(request.body));
  }
  if (items.size() > limits.report_batch_items) {
    return Fail(ErrorCode::kTooLarge, std::to_string(items.size()) + " reports; at most " +
                                          std::to_string(limits.report_batch_items) + " are accepted at once");
  }
  Batch batch;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (const Status read = ReadItem(items[i], task_id, deps, batch); !read.ok()) {
      Error error = read.error();
      error.field = "[" + std::to_string(i) + "]" + (error.field.empty() ? "" : "." + error.field);
      return error;
    }
  }
  return batch;
}

}  // namespace

void TakeReports(const http::Request& request, const std::string& task_id, http::Responder responder, const Deps& deps,
                 const Limits& limits) {
  auto batch = ReadBatch(request, task_id, deps, limits);
  if (!batch.ok()) return responder.Send(Problem(batch.error()));
  for (const auto& [id, data] : batch->fly) deps.hub.Fly(id, data.empty() ? "null" : data);
  if (!batch->letters.empty()) {
    if (const Status kept = deps.tasks.PutDeadLetters(batch->letters); !kept.ok()) {
      return responder.Send(Problem(kept.error()));
    }
    deps.metrics.DeadLetters(batch->letters.size());
  }
  std::vector<ports::TaskStatus> told;
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
