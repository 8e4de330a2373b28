#include "transports/sqs/calls.h"

#include <algorithm>
#include <utility>

namespace asya::transports::sqs {
namespace {

constexpr int kSuccess = 200;
constexpr int kDoublingsMax = 10;

}  // namespace

Status CheckEndpoint(const std::string& endpoint) {
  const std::size_t slashes = endpoint.find("://");
  const std::string scheme = endpoint.substr(0, slashes);
  const std::string rest = slashes == std::string::npos ? "" : endpoint.substr(slashes + 3);
  const bool plain = rest.find_first_of("/?#@ ") == std::string::npos;
  if ((scheme != "http" && scheme != "https") || rest.empty() || !plain) {
    return Invalid("", "http://host[:port] or https://host[:port] is accepted");
  }
  return Ok();
}

Calls::Calls(const ServiceSettings& settings, http::Transfers& transfers, const Clock& clock, Random& random,
             CallCounts* counts)
    : settings_(settings),
      transfers_(transfers),
      clock_(clock),
      random_(random),
      counts_(counts),
      credentials_(settings.credentials, transfers, clock, random),
      signer_(settings.region, "sqs") {
  url_ = settings_.endpoint.empty() ? "https://sqs." + settings_.region + ".amazonaws.com" : settings_.endpoint;
  if (url_.back() != '/') url_ += '/';
  host_ = aws::HostOf(url_);
}

Calls::Id Calls::Begin(Action action, std::string body, CallPolicy policy, Done done) {
  const Id id = ++last_id_;
  Call& call = calls_[id];
  call.action = action;
  call.body = std::move(body);
  call.policy = policy;
  call.done = std::move(done);
  call.due = clock_.Steady();
  return id;
}

void Calls::Cancel(Id id) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  if (found->second.transfer != 0) {
    transfers_.Cancel(found->second.transfer);
    if (counts_ != nullptr) counts_->Ended(found->second.action, "cancelled");
  }
  calls_.erase(found);
}

void Calls::CancelAll() {
  while (!calls_.empty()) Cancel(calls_.begin()->first);
}

void Calls::Turn() {
  const SteadyTime now = clock_.Steady();
  std::vector<Id> due;
  for (const auto& [id, call] : calls_) {
    if (call.due && *call.due <= now) due.push_back(id);
  }
  for (const Id id : due) {
    const auto found = calls_.find(id);
    if (found == calls_.end()) continue;
    found->second.due.reset();
    Attempt(id);
  }
}

SteadyTime Calls::deadline() const {
  SteadyTime earliest = SteadyTime::max();
  for (const auto& [id, call] : calls_) {
    if (call.due) earliest = std::min(earliest, *call.due);
  }
  return earliest;
}

void Calls::Attempt(Id id) {
  ++calls_.at(id).attempt;
  credentials_.Get([this, id](const Result<aws::AwsKeys>& keys) {
    if (!calls_.contains(id)) return;
    if (keys.ok()) return Send(id, *keys);
    Failed(id, keys.error(), keys.error().code != ErrorCode::kUnauthorized);
  });
}

void Calls::Send(Id id, const aws::AwsKeys& keys) {
  Call& call = calls_.at(id);
  call.keys = keys;
  http::ClientRequest request;
  request.method = "POST";
  request.url = url_;
  request.deadline = call.policy.limit;
  request.response_limit_bytes = kAnswerBytesMax;
  request.ca_pem = settings_.ca_pem;
  request.body = call.body;
  const std::string date = aws::AmzDate(clock_.Now());
  aws::ToSign to_sign{"POST", "/", "", {}, request.body, ""};
  to_sign.headers = {{"content-type", "application/x-amz-json-1.0"},
                     {"host", host_},
                     {"x-amz-date", date},
                     {"x-amz-target", std::string("AmazonSQS.") + NameOf(call.action)}};
  if (!keys.session_token.empty()) to_sign.headers.emplace_back("x-amz-security-token", keys.session_token);
  const std::string authorization = signer_.Sign(keys, date, to_sign);
  for (const auto& [name, value] : to_sign.headers) {
    if (name != "host") request.headers.Set(name, value);
  }
  request.headers.Set("Authorization", authorization);
  if (counts_ != nullptr) counts_->Began();
  call.transfer = transfers_.Begin(
      std::move(request), [this, id](Result<http::ClientResponse> answer) { Answered(id, std::move(answer)); });
}

void Calls::Answered(Id id, Result<http::ClientResponse> answer) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  Call& call = found->second;
  call.transfer = 0;
  const auto count = [&](const std::string& outcome) {
    if (counts_ != nullptr) counts_->Ended(call.action, outcome);
  };
  if (!answer.ok()) {
    count(ErrorCodeName(answer.error().code));
    // Too large an answer will not be smaller the next time.
    return Failed(id, answer.error(), answer.error().code != ErrorCode::kTooLarge);
  }
  if (answer->status == kSuccess) {
    count("ok");
    if (call.policy.keeps_leases) failing_since_.reset();
    return End(id, std::move(answer->body));
  }
  Refusal refusal = ReadRefusal(answer->status, answer->body, answer->headers.Get("x-amzn-query-error").value_or(""));
  count(ErrorCodeName(refusal.error.code));
  if (refusal.stale_keys) {
    credentials_.Refused(call.keys);
    // Others may be had; once, for these may simply be wrong.
    return Failed(id, std::move(refusal.error), call.attempt == 1);
  }
  if (!refusal.again && call.policy.keeps_leases) failing_since_.reset();
  Failed(id, std::move(refusal.error), refusal.again);
}

void Calls::Failed(Id id, Error error, bool again) {
  Call& call = calls_.at(id);
  const SteadyTime now = clock_.Steady();
  if (again && call.policy.keeps_leases && !failing_since_) failing_since_ = now;
  if (!again || call.attempt >= call.policy.attempts) return End(id, std::move(error));
  if (counts_ != nullptr) counts_->Retried(call.action);
  const auto longest = std::min(kBackoffMost, kBackoffFirst * (1 << std::min(call.attempt - 1, kDoublingsMax)));
  call.due = now + std::chrono::duration_cast<SteadyTime::duration>(longest * (0.5 + random_.Unit()));
}

void Calls::End(Id id, Result<std::string> outcome) {
  const Done done = std::move(calls_.at(id).done);
  calls_.erase(id);
  done(std::move(outcome));
}

}  // namespace asya::transports::sqs
