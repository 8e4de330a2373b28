#include "cluster/kubernetes/client.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <utility>

#include "core/base/utf8.h"
#include "core/json/parse.h"

namespace asya::cluster::kubernetes {
namespace {

constexpr int kUnauthorizedStatus = 401;
constexpr int kTooManyStatus = 429;
// Of a wait for the limit, after which it is seen that nothing is to be sent any more.
constexpr std::chrono::milliseconds kWaitSlice{500};
constexpr std::size_t kMessageBytesMax = 1024;

ErrorCode CodeOf(int status, const std::string& reason) {
  if (reason == "AlreadyExists") return ErrorCode::kExists;
  switch (status) {
    case 400:
    case 422:
      return ErrorCode::kInvalid;
    case kUnauthorizedStatus:
      return ErrorCode::kUnauthorized;
    case 403:
      return ErrorCode::kForbidden;
    case 404:
      return ErrorCode::kNotFound;
    case 409:
      return ErrorCode::kConflict;
    case 410:
      return ErrorCode::kExpired;
    case 413:
      return ErrorCode::kTooLarge;
    case 429:
      return ErrorCode::kTooMany;
    case 504:
      return ErrorCode::kTimeout;
    default:
      return ErrorCode::kUnavailable;
  }
}

// A 404 that no Status comes with is some other server's, and says nothing about an object.
Error ErrorOf(const Call& call, const http::ClientResponse& answer) {
  const auto parsed = json::Parse(answer.body);
  const bool is_status = parsed.ok() && parsed->GetString("kind") == "Status";
  const std::string reason = is_status ? parsed->GetString("reason").value_or("") : "";
  const std::string whole = is_status ? parsed->GetString("message").value_or("") : "";
  const std::string message(CutUtf8(whole, kMessageBytesMax));
  const std::string path = call.path.substr(0, call.path.find('?'));
  const ErrorCode code = is_status ? CodeOf(answer.status, reason) : ErrorCode::kUnavailable;
  return Fail(code, call.method + " " + path + ": answered " + std::to_string(answer.status) +
                        (message.empty() ? "" : ": " + message));
}

const char* VerbOf(const Call& call) {
  if (call.method == "GET") return call.path.find("?labelSelector=") == std::string::npos ? "get" : "list";
  if (call.method == "POST") return "create";
  if (call.method == "PUT") return "update";
  if (call.method == "DELETE") return "delete";
  return call.content_type == "application/apply-patch+yaml" ? "apply" : "patch";
}

std::string CodeText(const Result<http::ClientResponse>& answer) {
  return answer.ok() ? std::to_string(answer->status) : ErrorCodeName(answer.error().code);
}

std::chrono::seconds RestOf(const http::ClientResponse& answer) {
  const std::string text = answer.headers.Get("Retry-After").value_or("");
  int seconds = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), seconds);
  return std::chrono::seconds(read.ec == std::errc() ? seconds : 1);
}

std::string WithoutBlanks(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  return text;
}

}  // namespace

Client::Client(Endpoint endpoint, const Clock& clock, observe::Metrics* metrics)
    : endpoint_(std::move(endpoint)),
      clock_(clock),
      metrics_(metrics == nullptr ? ClientMetrics() : ClientMetrics(*metrics)),
      budget_(clock) {}

Status Client::TakeFromBudget(Priority priority) {
  std::chrono::microseconds waited{0};
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto wait = cancelled_ ? std::chrono::microseconds(0) : budget_.TryTake(priority);
    if (wait.count() == 0) break;
    if (waited + wait > kBudgetPatience) {
      return Fail(ErrorCode::kTooMany, "too many calls of the cluster wait; this one is not sent");
    }
    const auto slice = std::min<std::chrono::microseconds>(wait, kWaitSlice);
    cancelled_now_.wait_for(lock, slice);
    waited += slice;
  }
  if (waited.count() > 0) metrics_.Waited(std::chrono::duration<double>(waited).count());
  return cancelled_ ? Status(Fail(ErrorCode::kClosed, "this server stops")) : Ok();
}

Result<std::string> Client::Token(const std::string& stale) {
  if (endpoint_.token_file.empty()) return endpoint_.token;
  const std::lock_guard lock(mutex_);
  const bool usable = !token_.empty() && token_ != stale;
  if (usable && clock_.Steady() - token_read_at_ < kTokenAgeMax) return token_;
  std::ifstream file(endpoint_.token_file);
  std::string text = WithoutBlanks({std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()});
  if (!text.empty()) {
    token_ = std::move(text);
    token_read_at_ = clock_.Steady();
  }
  // One that was read before may do for a while yet.
  if (token_.empty()) {
    return Fail(ErrorCode::kUnauthorized, "no token can be read from \"" + endpoint_.token_file + "\"");
  }
  return token_;
}

http::ClientRequest Client::RequestFor(const std::string& path, const std::string& token) const {
  http::ClientRequest request;
  request.is_over = [this] { return cancelled_.load(); };
  request.url = endpoint_.url + path;
  request.ca_pem = endpoint_.ca_pem;
  request.certificate_pem = endpoint_.certificate_pem;
  request.key_pem = endpoint_.key_pem;
  request.response_limit_bytes = kAnswerBytesMax;
  request.headers.Set("Accept", "application/json");
  request.headers.Set("User-Agent", "asya-server");
  if (!token.empty()) request.headers.Set("Authorization", "Bearer " + token);
  return request;
}

Result<http::ClientResponse> Client::SendOnce(const Call& call, const std::string& token) {
  const SteadyTime begun = clock_.Steady();
  http::ClientRequest request = RequestFor(call.path, token);
  request.method = call.method;
  request.deadline = call.deadline;
  if (call.body) {
    request.headers.Set("Content-Type", call.content_type);
    request.body = json::Dump(*call.body);
  }
  auto answer = http_.Call(request);
  metrics_.Called(VerbOf(call), CodeText(answer), std::chrono::duration<double>(clock_.Steady() - begun).count());
  return answer;
}

Status Client::Follow(const Stream& stream) {
  ASYA_TRY(const std::string token, Token(""));
  http::ClientRequest request = RequestFor(stream.path, token);
  request.deadline = stream.deadline;
  request.is_over = [this, &stream] { return cancelled_ || stream.is_over(); };
  std::string rest;  // of a line whose end has not come yet
  bool too_long = false;
  request.on_body = [&](std::string_view bytes) {
    for (std::size_t end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n')) {
      rest.append(bytes.substr(0, end));
      if (!stream.on_line(rest)) return false;
      rest.clear();
      bytes.remove_prefix(end + 1);
    }
    too_long = rest.size() + bytes.size() > kAnswerBytesMax;
    if (too_long) return false;
    rest.append(bytes);
    return true;
  };
  const auto answer = http_.Call(request);
  metrics_.Called("watch", CodeText(answer), 0);
  if (too_long) return Fail(ErrorCode::kTooLarge, "GET " + stream.path + ": a line is too long");
  if (!answer.ok()) return answer.error();
  if (answer->status == kUnauthorizedStatus) static_cast<void>(Token(token).ok());
  if (!rest.empty()) stream.on_line(rest);
  return Ok();
}

Result<json::Value> Client::Send(const Call& call) {
  if (cancelled_) return Fail(ErrorCode::kClosed, call.method + " " + call.path + ": this server stops");
  ASYA_TRY_STATUS(TakeFromBudget(call.priority));
  ASYA_TRY(std::string token, Token(""));
  ASYA_TRY(http::ClientResponse answer, SendOnce(call, token));
  if (answer.status == kUnauthorizedStatus) {
    ASYA_TRY(std::string fresh, Token(token));
    if (fresh != token) {
      ASYA_TRY(answer, SendOnce(call, fresh));
    }
  }
  if (answer.status == kTooManyStatus) budget_.Rest(RestOf(answer));
  if (answer.status < 200 || answer.status > 299) return ErrorOf(call, answer);
  auto parsed = json::Parse(answer.body);
  if (!parsed.ok()) {
    return Fail(ErrorCode::kUnavailable, call.method + " " + call.path + ": the answer is no JSON");
  }
  return parsed;
}

}  // namespace asya::cluster::kubernetes
