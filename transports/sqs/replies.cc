#include "transports/sqs/replies.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <utility>

#include "core/json/parse.h"
#include "core/json/value.h"
#include "transports/sqs/text.h"

namespace asya::transports::sqs {
namespace {

constexpr std::size_t kShownBytesMax = 300;
constexpr std::int64_t kCountMost = 1'000'000'000;

Result<json::Value> ReadObject(std::string_view text) {
  ASYA_TRY(json::Value value, json::Parse(text));
  if (!value.IsObject()) return Invalid("", "the answer of SQS is no object");
  return value;
}

std::string TextOf(const json::Value* value) { return value != nullptr && value->IsString() ? value->AsString() : ""; }

std::int64_t NumberOf(const std::string& text, std::int64_t fallback) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 0 ? number : fallback;
}

std::string AttributeOf(const json::Value& message, const char* name) {
  return TextOf(message.FindPath({"MessageAttributes", name, "StringValue"}));
}

Received ReadMessage(const json::Value& message) {
  constexpr std::int64_t kMillisecondsMost = 100'000'000'000'000;
  Received received;
  received.sqs_id = TextOf(message.Find("MessageId"));
  received.receipt = TextOf(message.Find("ReceiptHandle"));
  received.body = TextOf(message.Find("Body"));
  if (AttributeOf(message, kBytesAttribute) == "base64") {
    // What is none after all is kept as it came.
    if (auto bytes = received.body == "=" ? std::string() : FromBase64(received.body)) {
      received.body = *std::move(bytes);
    }
  }
  const auto told = [&](const char* name) { return TextOf(message.FindPath({"Attributes", name})); };
  received.receive_count = std::clamp<std::int64_t>(NumberOf(told("ApproximateReceiveCount"), 1), 1, kCountMost);
  const std::int64_t sent_ms = std::min(NumberOf(told("SentTimestamp"), 0), kMillisecondsMost);
  received.sent_at = WallTime(std::chrono::milliseconds(sent_ms));
  received.message_id = AttributeOf(message, kIdAttribute);
  const std::int64_t due_us = std::min(NumberOf(AttributeOf(message, kDueAttribute), 0), kMillisecondsMost * 1000);
  received.due = WallTime(std::chrono::microseconds(due_us));
  received.crashes = std::min(NumberOf(AttributeOf(message, kCrashesAttribute), 0), kCountMost);
  return received;
}

// "com.amazonaws.sqs#QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue" -> the last part.
std::string LastPart(std::string_view type) {
  const std::size_t at = type.find_last_of("#.");
  return std::string(at == std::string_view::npos ? type : type.substr(at + 1));
}

bool IsOneOf(const std::string& type, const std::set<std::string>& types) { return types.contains(type); }

// The kind of a refusal by SQS's own word for it; nullopt: by the status. kInvalid is final, so it is only what says
// that the message or the name of its queue itself is never taken.
std::optional<ErrorCode> CodeOfType(const std::string& type) {
  static const std::set<std::string> keys = {"InvalidClientTokenId",
                                             "UnrecognizedClientException",
                                             "SignatureDoesNotMatch",
                                             "InvalidSignatureException",
                                             "ExpiredToken",
                                             "ExpiredTokenException",
                                             "MissingAuthenticationToken",
                                             "MissingAuthenticationTokenException",
                                             "IncompleteSignature",
                                             "InvalidSecurity",
                                             "InvalidAccessKeyId",
                                             "RequestExpired"};
  static const std::set<std::string> rates = {
      "ThrottlingException", "RequestThrottled",         "Throttling", "OverLimit", "TooManyRequestsException",
      "KmsThrottled",        "RequestThrottledException"};
  if (IsOneOf(type, keys)) return ErrorCode::kUnauthorized;
  if (IsOneOf(type, rates)) return ErrorCode::kTooMany;
  if (IsOneOf(type, {"QueueDoesNotExist", "NonExistentQueue"})) return ErrorCode::kNotFound;
  if (IsOneOf(type, {"QueueNameExists", "QueueAlreadyExists"})) return ErrorCode::kExists;
  if (IsOneOf(type, {"ReceiptHandleIsInvalid", "MessageNotInflight"})) return ErrorCode::kConflict;
  if (IsOneOf(type, {"AccessDenied", "AccessDeniedException", "KmsAccessDenied", "OptInRequired"})) {
    return ErrorCode::kForbidden;
  }
  if (IsOneOf(type, {"BatchRequestTooLong"})) return ErrorCode::kTooLarge;
  if (IsOneOf(type, {"InvalidMessageContents", "InvalidParameterValue", "InvalidParameterValueException",
                     "InvalidAttributeName", "InvalidAttributeValue"})) {
    return ErrorCode::kInvalid;
  }
  if (IsOneOf(type, {"QueueDeletedRecently", "InternalError", "InternalFailure", "ServiceUnavailable"})) {
    return ErrorCode::kUnavailable;
  }
  return std::nullopt;
}

bool MayHelpAgain(ErrorCode code) { return code == ErrorCode::kTooMany || code == ErrorCode::kUnavailable; }

Error ErrorOf(ErrorCode code, const std::string& type, const std::string& message) {
  const bool secret = code == ErrorCode::kUnauthorized;
  return Fail(code, "SQS: " + type + (secret || message.empty() ? "" : ": " + message.substr(0, kShownBytesMax)));
}

EntryOutcome ReadFailure(const json::Value& entry) {
  const std::string type = LastPart(TextOf(entry.Find("Code")));
  const bool ours = entry.GetBool("SenderFault").value_or(false);
  ErrorCode code = CodeOfType(type).value_or(ErrorCode::kUnavailable);
  if (code == ErrorCode::kInvalid && !ours) code = ErrorCode::kUnavailable;
  return {ErrorOf(code, type, TextOf(entry.Find("Message"))), MayHelpAgain(code)};
}

}  // namespace

Result<std::vector<Received>> ReadReceived(std::string_view text) {
  ASYA_TRY(const json::Value answer, ReadObject(text));
  std::vector<Received> received;
  const json::Value* messages = answer.Find("Messages");
  if (messages == nullptr || messages->IsNull()) return received;
  if (!messages->IsArray()) return Invalid("Messages", "the messages of SQS are no list");
  for (const json::Value& message : messages->AsArray()) {
    Received one = ReadMessage(message);
    if (!one.receipt.empty()) received.push_back(std::move(one));
  }
  return received;
}

Result<std::vector<EntryOutcome>> ReadBatch(std::string_view text, std::size_t count) {
  ASYA_TRY(const json::Value answer, ReadObject(text));
  std::vector<EntryOutcome> outcomes(count, {Fail(ErrorCode::kUnavailable, "SQS did not tell of the entry"), true});
  const auto each = [&](const char* member, auto outcome_of) {
    const json::Value* entries = answer.Find(member);
    if (entries == nullptr || !entries->IsArray()) return;
    for (const json::Value& entry : entries->AsArray()) {
      const std::int64_t id = NumberOf(TextOf(entry.Find("Id")), -1);
      if (id >= 0 && id < static_cast<std::int64_t>(count)) outcomes[static_cast<std::size_t>(id)] = outcome_of(entry);
    }
  };
  each("Successful", [](const json::Value&) { return EntryOutcome{}; });
  each("Failed", [](const json::Value& entry) { return ReadFailure(entry); });
  return outcomes;
}

Result<std::string> ReadQueueUrl(std::string_view text) {
  ASYA_TRY(const json::Value answer, ReadObject(text));
  std::string url = TextOf(answer.Find("QueueUrl"));
  if (url.empty()) return Invalid("QueueUrl", "SQS names no URL of the queue");
  return url;
}

Result<Texts> ReadTexts(std::string_view text, const char* member) {
  ASYA_TRY(const json::Value answer, ReadObject(text));
  Texts texts;
  const json::Value* found = answer.Find(member);
  if (found == nullptr || !found->IsObject()) return texts;
  for (const auto& [name, value] : found->AsObject()) {
    if (value.IsString()) texts[name] = value.AsString();
  }
  return texts;
}

Result<QueueUrls> ReadQueueUrls(std::string_view text) {
  ASYA_TRY(const json::Value answer, ReadObject(text));
  QueueUrls found;
  found.next_token = TextOf(answer.Find("NextToken"));
  const json::Value* urls = answer.Find("QueueUrls");
  if (urls == nullptr || !urls->IsArray()) return found;
  for (const json::Value& url : urls->AsArray()) {
    if (url.IsString()) found.urls.push_back(url.AsString());
  }
  return found;
}

std::string NameInUrl(const std::string& url) { return url.substr(url.rfind('/') + 1); }

Refusal ReadRefusal(int http_status, std::string_view text, std::string_view error_header) {
  constexpr int kServerFault = 500;
  constexpr int kTooManyRequests = 429;
  Refusal refusal;
  std::string message;
  if (const auto answer = ReadObject(text); answer.ok()) {
    refusal.type = LastPart(TextOf(answer->Find("__type")));
    message = TextOf(answer->Find("message"));
    if (message.empty()) message = TextOf(answer->Find("Message"));
  }
  if (refusal.type.empty()) refusal.type = LastPart(error_header.substr(0, error_header.find(';')));
  if (refusal.type.empty()) refusal.type = "HTTP status " + std::to_string(http_status);
  // Whatever the status: without a word of SQS it may be something in between that answers, and passes.
  ErrorCode code = ErrorCode::kUnavailable;
  if (http_status == kTooManyRequests) code = ErrorCode::kTooMany;
  if (http_status == 401) code = ErrorCode::kUnauthorized;
  if (http_status == 403) code = ErrorCode::kForbidden;
  code = CodeOfType(refusal.type).value_or(code);
  refusal.error = ErrorOf(code, refusal.type, message);
  refusal.stale_keys = code == ErrorCode::kUnauthorized;
  refusal.again = MayHelpAgain(code) || http_status >= kServerFault;
  return refusal;
}

}  // namespace asya::transports::sqs
