#include "relay/reporter.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

#include "core/base/base64.h"
#include "core/json/split.h"
#include "core/json/value.h"
#include "relay/fit.h"

namespace asya::relay {
namespace {

constexpr int kBadRequest = 400;
constexpr int kContentTooLarge = 413;
constexpr int kUnprocessable = 422;
constexpr int kTooManyRequests = 429;
constexpr int kRequestTimeout = 408;

void AppendWhole(std::string& out, std::int64_t value) {
  std::array<char, std::numeric_limits<std::int64_t>::digits10 + 3> digits{};
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
}

// With three decimals; what is no number a report can have, or is too large for one, is 0.
void AppendNumber(std::string& out, std::string_view opening, double value) {
  constexpr double kLargest = 1e12;
  const std::int64_t thousandths = std::llround((value > 0 && value < kLargest ? value : 0) * 1000);
  out += opening;
  AppendWhole(out, thousandths / 1000);
  const std::array<char, 4> decimals = {'.', static_cast<char>('0' + thousandths / 100 % 10),
                                        static_cast<char>('0' + thousandths / 10 % 10),
                                        static_cast<char>('0' + thousandths % 10)};
  out.append(decimals.data(), decimals.size());
}

void AppendText(std::string& out, std::string_view opening, const std::string& text) {
  if (text.empty()) return;
  out += opening;
  json::AppendQuoted(out, text);
}

std::string Key(const StatusReport& report) { return report.task + "\n" + report.actor; }

}  // namespace

void AppendJson(std::string& out, const StatusReport& report, const std::string& of_namespace) {
  constexpr std::size_t kWordsBytes = 512;
  out.reserve(out.size() + kWordsBytes + report.result.size() + report.error.size());
  out += R"({"type":"status","task":)";
  json::AppendQuoted(out, report.task);
  AppendText(out, R"(,"parent":)", report.parent);
  AppendText(out, R"(,"namespace":)", of_namespace);
  AppendText(out, R"(,"status":)", report.status);
  AppendText(out, R"(,"actor":)", report.ended_at.empty() ? report.actor : report.ended_at);
  AppendText(out, R"(,"reason":)", report.reason);
  AppendNumber(out, R"(,"progress":)", report.progress);
  out += R"(,"hop":{"actor":)";
  json::AppendQuoted(out, report.actor);
  out += R"(,"attempt":)";
  AppendWhole(out, report.hop.attempt);
  AppendNumber(out, R"(,"queue_wait_ms":)", report.hop.queue_wait_ms);
  AppendNumber(out, R"(,"work_ms":)", report.hop.work_ms);
  AppendNumber(out, R"(,"cold_start_ms":)", report.hop.cold_start_ms);
  out += '}';
  if (!report.result.empty()) (out += R"(,"result":)") += report.result;
  if (!report.error.empty()) (out += R"(,"error":)") += report.error;
  out += '}';
}

std::string ToJson(const StatusReport& report, const std::string& of_namespace) {
  std::string out;
  AppendJson(out, report, of_namespace);
  return out;
}

std::string PlainReport(const std::string& json) {
  constexpr std::size_t kLetterBytes = 4U << 20U;
  json::SplitOptions options;
  options.depth_limit *= 2;  // what is told is as deep as an envelope may be, and has more around it
  const auto members = json::Split(json, options);
  if (!members.ok()) return json;
  std::string out = "{";
  for (const json::Member& member : *members) {
    std::string_view key = member.key;
    std::string value(member.value);
    if (key == "envelope") {
      key = "raw_base64";
      value = "\"" + EncodeBase64(value.size() > kLetterBytes ? FitFailure(value, kLetterBytes) : value) + "\"";
    } else if (key == "error") {
      value = R"({"type":"ReportRefused","message":"the gateway refused what the error said","mro":[]})";
    } else if (key == "result") {
      value = DroppedPayload(value);
    }
    if (out.size() > 1) out += ',';
    json::AppendQuoted(out, key);
    (out += ':') += value;
  }
  return out + "}";
}

Reporter::Reporter(Reactor& reactor, const Peer& gateway, std::string of_namespace, const ReporterLimits& limits,
                   Random& random, observe::Logger logger, observe::Metrics& metrics, const std::string& metric_prefix)
    : namespace_(std::move(of_namespace)),
      limits_(limits),
      random_(random),
      logger_(std::move(logger)),
      dropped_(metrics.MakeCounter(metric_prefix + "_reports_dropped_total", "Progress reports dropped, oldest first")),
      failures_(metrics.MakeCounter(metric_prefix + "_report_failures_total", "Reports that the gateway did not take")),
      client_(reactor, gateway),
      timer_(reactor),
      flush_timer_(reactor),
      pause_(limits.first_pause) {}

void Reporter::Progress(StatusReport report) {
  const std::string key = Key(report);
  if (const auto found = latest_.find(key); found != latest_.end()) {
    waiting_bytes_ -= found->second->bytes();
    found->second->report = std::move(report);
    waiting_bytes_ += found->second->bytes();
    return;
  }
  Append({std::move(report), ""});
  latest_[key] = std::prev(waiting_.end());
  Wake(limits_.progress_delay);
}

void Reporter::Fly(const std::string& task, std::string_view data) {
  std::string item =
      R"({"type":"fly","task":)" + json::Quote(task) + R"(,"namespace":)" + json::Quote(namespace_) + R"(,"data":)";
  item += data;
  item += '}';
  Append({{}, std::move(item)});
  Wake(std::chrono::milliseconds(0));
}

void Reporter::Load(std::size_t in_flight) {
  std::string item = R"({"type":"load","namespace":)" + json::Quote(namespace_) + R"(,"in_flight":)";
  AppendWhole(item, static_cast<std::int64_t>(in_flight));
  item += '}';
  Append({{}, std::move(item)});
  Wake(std::chrono::milliseconds(0));
}

void Reporter::Confirm(std::string json, OnConfirmed on_confirmed) {
  ends_.push_back({std::move(json), std::move(on_confirmed)});
  Wake(std::chrono::milliseconds(0));
}

void Reporter::Flush(std::chrono::milliseconds limit, std::function<void()> on_empty) {
  on_empty_ = std::move(on_empty);
  flush_timer_.After(limit, [this] {
    waiting_.clear();
    latest_.clear();
    const auto callback = std::move(on_empty_);
    on_empty_ = nullptr;
    if (callback) callback();
  });
  backing_off_ = false;
  timer_.Cancel();
  SendBatch();
  CheckEmpty();
}

void Reporter::Append(Waiting item) {
  waiting_bytes_ += item.bytes();
  waiting_.push_back(std::move(item));
  while (waiting_.size() > limits_.waiting_items || waiting_bytes_ > limits_.waiting_bytes) {
    if (waiting_.size() == 1) break;
    DropOldest();
  }
}

void Reporter::DropOldest() {
  const Waiting& oldest = waiting_.front();
  if (oldest.fly.empty()) latest_.erase(Key(oldest.report));
  waiting_bytes_ -= oldest.bytes();
  waiting_.pop_front();
  dropped_.Add();
}

void Reporter::Wake(std::chrono::milliseconds delay) {
  if (client_.busy() || backing_off_) return;
  // An urgent item moves the moment forward, a patient one never back.
  if (timer_.pending() && delay.count() > 0) return;
  timer_.After(delay, [this] { SendBatch(); });
}

void Reporter::SendBatch() {
  backing_off_ = false;
  if (client_.busy() || (ends_.empty() && waiting_.empty())) return;
  timer_.Cancel();
  client_.Send("POST", "/api/v1/events", TakeBatch(), limits_.request_timeout,
               [this](const Result<HttpClient::Reply>& reply) { TakeReply(reply); });
}

std::string Reporter::TakeBatch() {
  std::string batch = "[";
  const std::size_t most = singly_ > 0 ? 1 : limits_.batch_items;
  const auto full = [&] {
    return sent_ends_.size() + sent_waiting_.size() >= most || batch.size() >= limits_.batch_bytes;
  };
  const auto next = [&]() -> std::string& { return batch.size() > 1 ? batch += ',' : batch; };
  while (!ends_.empty() && !full()) {
    next() += ends_.front().json;
    sent_ends_.push_back(std::move(ends_.front()));
    ends_.pop_front();
  }
  while (!waiting_.empty() && !full()) {
    Waiting& item = waiting_.front();
    waiting_bytes_ -= item.bytes();
    if (item.fly.empty()) latest_.erase(Key(item.report));
    if (item.fly.empty()) {
      AppendJson(next(), item.report, namespace_);
    } else {
      next() += item.fly;
    }
    sent_waiting_.push_back(std::move(item));
    waiting_.pop_front();
  }
  return batch + "]";
}

void Reporter::TakeReply(const Result<HttpClient::Reply>& reply) {
  const std::size_t sent = sent_ends_.size() + sent_waiting_.size();
  if (reply.ok() && reply->status >= 200 && reply->status < 300) {
    pause_ = limits_.first_pause;
    singly_ -= std::min(singly_, sent);
    const std::vector<End> confirmed = std::move(sent_ends_);
    sent_ends_.clear();
    sent_waiting_.clear();
    for (const End& end : confirmed) end.on_confirmed();
    if (!ends_.empty()) {
      SendBatch();
    } else if (!waiting_.empty()) {
      Wake(waiting_.front().fly.empty() ? limits_.progress_delay : std::chrono::milliseconds(0));
    }
    CheckEmpty();
    return;
  }
  failures_.Add();
  const bool refused = reply.ok() && reply->status >= 400 && reply->status < 500 && reply->status != kTooManyRequests &&
                       reply->status != kRequestTimeout;
  if (refused && sent > 1) singly_ = sent;
  if (refused && sent == 1) {
    // This one is at fault. A progress report is dropped; an end waits behind the others and is tried for ever.
    sent_waiting_.clear();
    singly_ -= std::min<std::size_t>(singly_, 1);
    if (!sent_ends_.empty()) EndRefused(reply->status);
  }
  Again(reply.ok() ? "status " + std::to_string(reply->status) : reply.error().message);
}

void Reporter::EndRefused(int status) {
  End end = std::move(sent_ends_.front());
  sent_ends_.clear();
  // Any other status may say nothing of this item: that the gateway is another's, or lets nobody in.
  const bool of_item = status == kBadRequest || status == kContentTooLarge || status == kUnprocessable;
  if (of_item && ++end.refusals == limits_.refusals) {
    logger_.Error("the gateway refuses an end, which is told in plainer words", {{"status", status}});
    end.json = PlainReport(end.json);
  }
  ends_.push_back(std::move(end));
}

void Reporter::Again(const std::string& why) {
  logger_.Warning("the gateway did not take a report", {{"reason", why}, {"waiting", ends_.size() + waiting_.size()}});
  for (auto end = sent_ends_.rbegin(); end != sent_ends_.rend(); ++end) ends_.push_front(std::move(*end));
  sent_ends_.clear();
  for (auto item = sent_waiting_.rbegin(); item != sent_waiting_.rend(); ++item) {
    if (waiting_.size() >= limits_.waiting_items || waiting_bytes_ >= limits_.waiting_bytes) {
      dropped_.Add();
      continue;
    }
    // A later step of the same task and actor has made this one old.
    if (item->fly.empty() && latest_.count(Key(item->report)) > 0) continue;
    waiting_bytes_ += item->bytes();
    waiting_.push_front(std::move(*item));
    if (waiting_.front().fly.empty()) latest_[Key(waiting_.front().report)] = waiting_.begin();
  }
  sent_waiting_.clear();
  const auto half = std::chrono::duration_cast<std::chrono::microseconds>(pause_) / 2;
  backing_off_ = true;
  timer_.After(
      half + std::chrono::microseconds(static_cast<std::int64_t>(random_.Unit() * static_cast<double>(half.count()))),
      [this] { SendBatch(); });
  pause_ = std::min(pause_ * 2, limits_.longest_pause);
}

void Reporter::CheckEmpty() {
  if (!on_empty_ || client_.busy() || !ends_.empty() || !waiting_.empty()) return;
  flush_timer_.Cancel();
  const auto callback = std::move(on_empty_);
  on_empty_ = nullptr;
  callback();
}

}  // namespace asya::relay
