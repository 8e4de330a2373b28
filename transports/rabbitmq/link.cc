#include "transports/rabbitmq/link.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace asya::transports::rabbitmq {
namespace {

constexpr std::string_view kProtocolHeader("AMQP\0\0\x09\x01", 8);
constexpr std::uint16_t kChannels = 15;
constexpr std::uint16_t kAccessRefused = 403;
constexpr std::size_t kKeptBytes = std::size_t{256} * 1024;
constexpr int kMinorVersions = 100;

Table ClientProperties(const std::string& name) {
  const auto capabilities = std::make_shared<const Table>(Table{
      {"publisher_confirms", {true}},
      {"consumer_cancel_notify", {true}},
      {"connection.blocked", {true}},
      {"basic.nack", {true}},
      {"authentication_failure_close", {true}},
  });
  return {{"product", {std::string("asya")}}, {"connection_name", {name}}, {"capabilities", {capabilities}}};
}

// "3.10.8" -> 310
int VersionNumber(std::string_view text) {
  int major = 0;
  int minor = 0;
  const auto [dot, error] = std::from_chars(text.data(), text.data() + text.size(), major);
  if (error != std::errc() || dot == text.data() + text.size()) return 0;
  std::from_chars(dot + 1, text.data() + text.size(), minor);
  return major * kMinorVersions + std::min(minor, kMinorVersions - 1);
}

}  // namespace

Link::Link(const LinkSettings& settings, const Clock& clock, Take take)
    : settings_(settings), clock_(clock), take_(std::move(take)) {}

Status Link::Begin() {
  opened_by_ = clock_.Steady() + settings_.open_limit;
  const BrokerAddress& address = settings_.address;
  ASYA_TRY_STATUS(socket_.Begin({address.host, address.port, address.tls, address.ca_pem, ""}, settings_.lookup));
  return socket_.Send(kProtocolHeader);
}

SteadyTime Link::deadline() const {
  if (state_ == State::kConnecting || state_ == State::kShaking) return opened_by_;
  if (heartbeat_.count() == 0) return SteadyTime::max();
  return std::min(heard_at_ + 2 * heartbeat_, sent_at_ + heartbeat_ / 2);
}

Status Link::AdvanceConnecting() {
  ASYA_TRY_STATUS(socket_.Advance());
  if (socket_.connected()) {
    state_ = State::kShaking;
  } else if (clock_.Steady() >= opened_by_) {
    return Fail(ErrorCode::kUnavailable, "cannot connect: timed out");
  }
  return Ok();
}

Status Link::Advance(bool readable) {
  if (state_ == State::kConnecting) ASYA_TRY_STATUS(AdvanceConnecting());
  if (state_ == State::kConnecting) return Ok();
  const std::size_t before = in_.size();
  Status received = Ok();
  if (readable || state_ != State::kOpen) received = socket_.Receive(in_);
  const SteadyTime now = clock_.Steady();
  if (in_.size() != before) heard_at_ = now;
  ASYA_TRY_STATUS(TakeFrames());
  // Whatever the broker said last stands before the end of the connection.
  if (!received.ok()) return received;
  ASYA_TRY_STATUS(CheckTimes(now));
  return Flush();
}

Status Link::CheckTimes(SteadyTime now) {
  if (state_ == State::kShaking && now >= opened_by_) {
    return Fail(ErrorCode::kUnavailable, "the broker did not finish the handshake in time");
  }
  if (state_ != State::kOpen || heartbeat_.count() == 0) return Ok();
  if (now >= heard_at_ + 2 * heartbeat_) return Fail(ErrorCode::kClosed, "the broker fell silent");
  // Somewhat before its time where another link or the broker's own heartbeat has woken this thread: one wake-up serves
  // them all.
  if (now >= sent_at_ + heartbeat_ * 3 / 8 && out_.empty()) AppendHeartbeat(out_);
  return Ok();
}

Status Link::Flush() {
  if (out_.empty() && !socket_.wants_write()) return Ok();
  if (!out_.empty()) sent_at_ = clock_.Steady();
  Status sent = socket_.Send(out_);
  out_.clear();
  if (out_.capacity() > kKeptBytes) out_.shrink_to_fit();
  return sent;
}

Status Link::TakeFrames() {
  std::string_view rest = in_;
  Status status = Ok();
  const TakeArrival take = [&](Arrival&& arrival) { status = OnArrival(std::move(arrival)); };
  while (status.ok()) {
    ASYA_TRY(const auto frame, TakeFrame(rest, frame_bytes_max_));
    if (!frame) break;
    ASYA_TRY_STATUS(assembler_.Take(*frame, take));
  }
  in_.erase(0, in_.size() - rest.size());
  if (in_.empty() && in_.capacity() > kKeptBytes) in_.shrink_to_fit();
  return status;
}

Status Link::OnArrival(Arrival&& arrival) {
  if (arrival.channel == 0) return OnConnectionMethod(arrival.method);
  if (state_ == State::kOpen || state_ == State::kClosing) take_(std::move(arrival));
  return Ok();
}

Status Link::OnConnectionMethod(const Method& method) {
  switch (method.id) {
    case MethodId::kConnectionStart:
      AnswerStart(method);
      return Ok();
    case MethodId::kConnectionTune: {
      const std::uint32_t theirs = method.frame_max == 0 ? kFrameBytesMax : method.frame_max;
      frame_bytes_max_ = std::clamp<std::size_t>(theirs, 4096, kFrameBytesMax);
      const auto ours = static_cast<std::uint16_t>(settings_.heartbeat.count());
      const std::uint16_t beat_s = method.heartbeat_s == 0 ? ours : std::min(ours, method.heartbeat_s);
      heartbeat_ = std::chrono::seconds(beat_s);
      Send(0, TuneOk(kChannels, static_cast<std::uint32_t>(frame_bytes_max_), beat_s));
      Send(0, Open(settings_.address.virtual_host));
      return Ok();
    }
    case MethodId::kConnectionOpenOk:
      state_ = State::kOpen;
      heard_at_ = sent_at_ = clock_.Steady();
      return Ok();
    case MethodId::kConnectionClose: {
      Send(0, Plain(MethodId::kConnectionCloseOk));
      static_cast<void>(Flush());
      const bool refused = method.code == kAccessRefused;
      return Fail(refused ? ErrorCode::kUnauthorized : ErrorCode::kClosed, "the broker ended it: " + method.text);
    }
    case MethodId::kConnectionCloseOk:
      state_ = State::kClosed;
      return Ok();
    case MethodId::kConnectionBlocked:
    case MethodId::kConnectionUnblocked:
      blocked_ = method.id == MethodId::kConnectionBlocked;
      blocked_reason_ = method.text;
      if (!blocked_) unblocked_at_ = clock_.Steady();
      return Ok();
    default:
      return Invalid("", "a method of a channel on channel 0");
  }
}

void Link::AnswerStart(const Method& method) {
  version_ = VersionNumber(method.text);
  Send(0, StartOk(ClientProperties(settings_.name), settings_.address.user, settings_.address.password));
}

void Link::BeginClose() {
  if (state_ != State::kOpen) return;
  Send(0, CloseConnection());
  state_ = State::kClosing;
}

}  // namespace asya::transports::rabbitmq
