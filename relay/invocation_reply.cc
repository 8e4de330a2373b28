#include "relay/invocation_reply.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "core/json/parse.h"
#include "core/json/scan.h"
#include "core/json/split.h"
#include "model/envelope_scan.h"

namespace asya::relay {
namespace {

constexpr int kOk = 200;
constexpr int kNoContent = 204;
constexpr int kBadRequest = 400;
constexpr std::size_t kMroLimit = 64;
constexpr std::uint64_t kReservedBodyBytes = 1U << 20U;  // before that much has come, no more is believed to follow
// Around a frame, so that what was accepted as an envelope may come back as it is.
constexpr std::size_t kAroundFrame = 2;

// The end of a traceback says where the error was raised.
std::string KeepEnd(std::string text, std::size_t limit_bytes) {
  if (text.size() <= limit_bytes) return text;
  std::size_t begin = text.size() - limit_bytes;
  while (begin < text.size() && (static_cast<unsigned char>(text[begin]) & 0xC0U) == 0x80U) ++begin;
  return "…" + text.substr(begin);
}

// The quick walk refuses some of what is JSON, such as what is nested deeply.
bool IsOneValue(std::string_view text) {
  json::Scan scan(text);
  scan.Space();
  if (scan.Value(json::SplitOptions().depth_limit) && scan.AtEnd()) return true;
  json::SplitOptions options;
  options.depth_limit += kAroundFrame;
  const auto items = json::SplitArray("[" + std::string(text) + "]", options);
  return items.ok() && items->size() == 1;
}

}  // namespace

InvocationReply::InvocationReply(Listener& listener, const ReplyLimits& limits)
    : listener_(listener),
      limits_(limits),
      http_([this](std::string_view piece) { return TakeBody(piece); }),
      events_(limits.body_bytes,
              [this](std::string_view name, std::string_view data) { return TakeEvent(name, data); }) {}

Status InvocationReply::Feed(std::string_view bytes) {
  ASYA_TRY(const std::size_t used, http_.Feed(bytes));
  if (used < bytes.size() && http_.done()) return Invalid("", "the runtime sent more than its reply");
  return http_.done() && !done_ ? Finish() : Ok();
}

Status InvocationReply::End() {
  if (done_) return Ok();
  ASYA_TRY_STATUS(http_.End());
  return Finish();
}

Status InvocationReply::TakeBody(std::string_view piece) {
  if (http_.has_events() && http_.status() == kOk) return events_.Feed(piece);
  if (body_.size() + piece.size() > limits_.body_bytes) {
    return Fail(ErrorCode::kTooLarge,
                "the reply of the handler is over " + std::to_string(limits_.body_bytes) + " bytes");
  }
  // All of it in one piece, as it usually comes, need not be copied.
  const bool whole = body_.empty() && piece.size() == http_.body_left();
  scanned_ = whole && http_.status() == kOk && ScanFrames(piece);
  if (scanned_) return Ok();
  if (body_.empty()) body_.reserve(std::min<std::uint64_t>(http_.body_left(), kReservedBodyBytes));
  body_.append(piece);
  return Ok();
}

Status InvocationReply::TakeEvent(std::string_view name, std::string_view data) {
  if (saw_done_event_) return Invalid("", "an event after done");
  if (name == "downstream") return AddFrame(data);
  if (name == "error") return ReadError(data);
  if (name == "upstream") {
    // It goes on as a part of reports, and must not be able to end there and begin something else.
    if (!IsOneValue(data)) return Invalid("", "an event for the client is not one JSON value");
    listener_.OnFly(data);
  } else if (name == "metric") {
    listener_.OnMetric(data);
  } else if (name == "done") {
    saw_done_event_ = true;
    // The runtime may keep the connection open for a moment, or for ever: the reply is complete now.
    done_ = true;
  }
  return Ok();
}

Status InvocationReply::Finish() {
  if (http_.has_events() && http_.status() == kOk) {
    if (!saw_done_event_) return Fail(ErrorCode::kClosed, "the stream of events ended without done");
  } else if (http_.status() == kOk) {
    ASYA_TRY_STATUS(ReadFrames());
  } else if (http_.status() != kNoContent) {
    ASYA_TRY_STATUS(ReadError(body_));
  }
  done_ = true;
  return Ok();
}

// The usual body, read in one walk; false leaves it to the careful way.
bool InvocationReply::ScanFrames(std::string_view body) {
  std::vector<model::Frame> frames;
  json::Scan scan(body);
  if (!scan.Take('{')) return false;
  scan.Space();
  const auto key = scan.Key();
  scan.Space();
  if (!key || key->inside != "frames" || !scan.Take('[')) return false;
  do {
    scan.Space();
    if (frames.size() == limits_.frames || !model::ScanFrame(scan, frames.emplace_back())) return false;
    scan.Space();
  } while (scan.Take(','));
  scan.Space();
  if (!scan.Take(']')) return false;
  scan.Space();
  if (!scan.Take('}') || !scan.AtEnd()) return false;
  answer_.frames = std::move(frames);
  return true;
}

Status InvocationReply::ReadFrames() {
  if (scanned_ || ScanFrames(body_)) return Ok();
  json::SplitOptions options;
  options.depth_limit += kAroundFrame;
  ASYA_TRY(const auto members, json::Split(body_, options));
  for (const json::Member& member : members) {
    if (member.key != "frames") continue;
    ASYA_TRY(const auto items, json::SplitArray(member.value, options));
    for (const std::string_view item : items) ASYA_TRY_STATUS(AddFrame(item));
    return Ok();
  }
  return Invalid("frames", "the reply has no frames");
}

Status InvocationReply::AddFrame(std::string_view text) {
  frame_bytes_ += text.size();
  if (answer_.frames.size() >= limits_.frames || frame_bytes_ > limits_.body_bytes) {
    return Fail(ErrorCode::kTooLarge, "the handler emitted more than " + std::to_string(limits_.frames) +
                                          " payloads or " + std::to_string(limits_.body_bytes) + " bytes in one call");
  }
  ASYA_TRY(auto frame, model::ParseFrame(answer_.texts.emplace_back(text)));
  answer_.frames.push_back(std::move(frame));
  return Ok();
}

Status InvocationReply::ReadError(std::string_view text) {
  const auto body = json::Parse(text);
  const json::Value* details = body.ok() ? body->Find("details") : nullptr;
  if (details == nullptr) {
    return Invalid("", "status " + std::to_string(http_.status()) + " without the details of an error");
  }
  const std::string kind = body->GetString("error").value_or("");
  HandlerError& error = answer_.error;
  answer_.outcome = http_.status() == kBadRequest || kind == "msg_parsing_error" ? CallAnswer::Outcome::kRejected
                                                                                 : CallAnswer::Outcome::kFailed;
  const char* unnamed = answer_.outcome == CallAnswer::Outcome::kRejected ? "ParseError" : "UnknownError";
  error.type = CutText(details->GetString("type").value_or(unnamed), limits_.name_bytes);
  error.message = CutText(details->GetString("message").value_or(""), limits_.message_bytes);
  error.traceback = KeepEnd(details->GetString("traceback").value_or(""), limits_.traceback_bytes);
  if (const json::Value* mro = details->Find("mro"); mro != nullptr && mro->IsArray()) {
    for (const json::Value& name : mro->AsArray()) {
      if (name.IsString() && error.mro.size() < kMroLimit) {
        error.mro.push_back(CutText(name.AsString(), limits_.name_bytes));
      }
    }
  }
  return Ok();
}

}  // namespace asya::relay
