#include "relay/model_reply.h"

#include <algorithm>
#include <utility>

#include "core/json/parse.h"
#include "core/json/splice.h"
#include "core/json/split.h"
#include "relay/status_error.h"

namespace asya::relay {
namespace {

constexpr int kNoContent = 204;

}  // namespace

ModelReply::ModelReply(const Endpoint& endpoint, std::string payload, model::Route route, CallListener& listener,
                       const ReplyLimits& limits, WallTime now)
    : endpoint_(endpoint),
      payload_(std::move(payload)),
      route_(std::move(route)),
      listener_(listener),
      limits_(limits),
      now_(now),
      http_([this](std::string_view piece) { return TakeBody(piece); }),
      events_(limits.body_bytes, [this](std::string_view, std::string_view data) { return TakeEvent(data); }) {}

bool ModelReply::streamed() const {
  return good() && endpoint_.protocol == Endpoint::Protocol::kChat && http_.has_events();
}

Status ModelReply::Feed(std::string_view bytes) {
  ASYA_TRY(const std::size_t used, http_.Feed(bytes));
  if (used < bytes.size() && http_.done()) return Invalid("", "the model server sent more than its reply");
  return http_.done() && !done_ ? Finish() : Ok();
}

Status ModelReply::End() {
  if (done_) return Ok();
  ASYA_TRY_STATUS(http_.End());
  return Finish();
}

Status ModelReply::TakeBody(std::string_view piece) {
  if (!good()) {
    body_.append(piece.substr(0, kErrorBodyBytes - std::min(kErrorBodyBytes, body_.size())));
    return Ok();
  }
  streamed_bytes_ += piece.size();
  if (streamed_bytes_ > limits_.body_bytes) {
    return Fail(ErrorCode::kTooLarge,
                "the reply of the model server is over " + std::to_string(limits_.body_bytes) + " bytes");
  }
  if (streamed()) return events_.Feed(piece);
  if (body_.empty()) body_ = "[";  // one item of an array: any JSON value can be checked so
  body_.append(piece);
  return Ok();
}

Status ModelReply::TakeEvent(std::string_view data) {
  if (chat_.done() || data.empty()) return Ok();
  ASYA_TRY(const bool news, chat_.Take(data));
  if (news) listener_.OnFly(R"({"payload":)" + std::string(data) + "}");
  // The server may keep the connection open for a moment, or for ever: the reply is complete now.
  return chat_.done() ? FinishStream() : Ok();
}

Status ModelReply::FinishStream() {
  if (done_) return Ok();
  done_ = true;
  if (chat_.error()) {
    Refuse(ErrorIn(*chat_.error()));
    return Ok();
  }
  return Accept(json::Dump(chat_.Completion()));
}

Status ModelReply::Finish() {
  if (!good()) {
    Refuse(StatusError(http_.status(), MessageIn(body_)));
    answer_.error.least_delay = RetryAfter(http_.retry_after(), now_);
  } else if (streamed()) {
    if (!chat_.complete()) return Fail(ErrorCode::kClosed, "the stream of the model server ended in the middle");
    return FinishStream();
  } else if (http_.status() != kNoContent) {
    ASYA_TRY_STATUS(ReadBody());
  }
  done_ = true;
  return Ok();
}

Status ModelReply::ReadBody() {
  body_ += "]";
  const auto items = json::SplitArray(body_);
  if (!items.ok() || items->size() != 1) return Invalid("", "the reply of the model server is no JSON");
  const std::string_view text = items->front();
  if (endpoint_.protocol == Endpoint::Protocol::kJson) return Accept(text);
  const char* wanted = endpoint_.protocol == Endpoint::Protocol::kChat ? "choices" : "outputs";
  if (text.front() != '{') return Invalid("", "the reply of the model server is no object");
  ASYA_TRY(const auto members, json::Split(text));
  for (const json::Member& member : members) {
    if (member.key == wanted && member.value.front() == '[') return Accept(text);
    if (member.key != "error" || member.value == "null") continue;
    ASYA_TRY(const json::Value error, json::Parse(member.value));
    Refuse(ErrorIn(error));
    return Ok();
  }
  return Invalid(wanted, std::string("the reply of the model server has no ") + wanted);
}

Status ModelReply::Accept(std::string_view text) {
  auto payload = json::PutText(payload_, endpoint_.output, text);
  if (!payload.ok()) {
    Refuse({"OutputError",
            {"ValueError", "Exception"},
            "the answer cannot be put to " + endpoint_.output.Text() + ": " + payload.error().message,
            ""});
    return Ok();
  }
  model::Frame frame;
  frame.payload = answer_.texts.emplace_back(std::move(*payload));
  frame.route = route_;
  answer_.frames.push_back(std::move(frame));
  return Ok();
}

void ModelReply::Refuse(HandlerError error) {
  Redact(error.message, endpoint_.secrets);
  error.message = CutText(std::move(error.message), limits_.message_bytes);
  answer_.outcome = CallAnswer::Outcome::kFailed;
  answer_.error = std::move(error);
}

}  // namespace asya::relay
