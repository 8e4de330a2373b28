#include "transports/rabbitmq/calls.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace asya::transports::rabbitmq {

std::optional<std::size_t> MessageLimitIn(std::string_view reason) {
  constexpr std::string_view kMark = "max size ";  // "configured" stands before it only where it is configured
  const std::size_t at = reason.rfind(kMark);
  if (at == std::string_view::npos || reason.find("larger than") == std::string_view::npos) return std::nullopt;
  std::size_t limit = 0;
  const char* begin = reason.data() + at + kMark.size();
  const auto [end, error] = std::from_chars(begin, reason.data() + reason.size(), limit);
  if (error != std::errc() || limit == 0) return std::nullopt;
  return limit;
}

Error ErrorOfClose(const Method& close) {
  constexpr std::uint16_t kContentTooLarge = 311;
  constexpr std::uint16_t kAccessRefused = 403;
  constexpr std::uint16_t kNotFound = 404;
  constexpr std::uint16_t kResourceLocked = 405;
  constexpr std::uint16_t kPreconditionFailed = 406;
  switch (close.code) {
    case kContentTooLarge:
      return asya::Fail(ErrorCode::kTooLarge, close.text);
    case kAccessRefused:
      return asya::Fail(ErrorCode::kForbidden, close.text);
    case kNotFound:
      return asya::Fail(ErrorCode::kNotFound, close.text);
    case kPreconditionFailed:
      if (MessageLimitIn(close.text)) return asya::Fail(ErrorCode::kTooLarge, close.text);
      return asya::Fail(ErrorCode::kConflict, close.text);
    case kResourceLocked:
      return asya::Fail(ErrorCode::kConflict, close.text);
    default:
      return asya::Fail(ErrorCode::kUnavailable, close.text);
  }
}

void Calls::Call(std::string method, Done done) {
  asked_.push_back(Asked{std::move(method), std::move(done), clock_.Steady()});
  if (link_.open()) Transmit(asked_.back());
}

void Calls::Open() {
  for (const Asked& waiting : asked_) Transmit(waiting);
}

void Calls::Transmit(const Asked& asked) {
  if (!opened_) link_.Send(channel_, OpenChannel());
  opened_ = true;
  link_.Send(channel_, asked.method);
}

bool Calls::Take(const Arrival& arrival) {
  if (arrival.channel != channel_) return false;
  if (arrival.method.id == MethodId::kChannelOpenOk || arrival.method.id == MethodId::kChannelCloseOk) return true;
  if (arrival.method.id == MethodId::kChannelClose) {
    OnClosed(arrival.method);
    return true;
  }
  if (asked_.empty()) return true;
  const Asked answered = std::move(asked_.front());
  asked_.pop_front();
  answered.done(arrival.method);
  return true;
}

// The broker has dropped all that followed the refused question; it is asked again on the channel opened anew.
void Calls::OnClosed(const Method& close) {
  link_.Send(channel_, Plain(MethodId::kChannelCloseOk));
  opened_ = false;
  if (asked_.empty()) return;
  const Asked refused = std::move(asked_.front());
  asked_.pop_front();
  for (const Asked& waiting : asked_) Transmit(waiting);
  refused.done(ErrorOfClose(close));
}

SteadyTime Calls::deadline() const {
  if (asked_.empty() || link_.blocked()) return SteadyTime::max();
  return std::max(asked_.front().asked_at, link_.unblocked_at()) + kReplyLimit;
}

void Calls::Fail(const Error& error) {
  opened_ = false;
  std::deque<Asked> asked;
  asked.swap(asked_);
  for (const Asked& waiting : asked) waiting.done(error);
}

}  // namespace asya::transports::rabbitmq
