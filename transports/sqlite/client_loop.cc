// The client's turns, on its thread or its driver's: connecting, sending what was called for, telling what came.
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "transports/sqlite/client.h"
#include "transports/sqlite/unix_address.h"

namespace asya::transports::sqlite {
namespace {

constexpr int kDoublingsMax = 16;  // of the time between two tries to connect
constexpr int kPingsPerLease = 3;

std::chrono::microseconds Micros(SteadyTime::duration duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration);
}

}  // namespace

void Client::Work() {
  {
    const std::lock_guard lock(mutex_);
    own_thread_ = std::this_thread::get_id();
  }
  while (!MayEnd()) {
    Advance();
    Wait();
    Take();
  }
  // Outcomes that came last; whatever is leased goes back with the end of the connection.
  TellEvents();
  connection_.reset();
}

void Client::DrivenTurn() {
  if (!sockets_.empty() && sockets_.front().revents != 0) Take();
  KeepAlive();
  Advance();
  const bool stayed = !sockets_.empty() && connection_ != nullptr && sockets_of_ == generation_;
  ListSockets();
  if (ports::Driver* const driver = driver_; driver != nullptr) driver->Await(sockets_, WaitUntil(), stayed);
}

void Client::Advance() {
  if (connection_ == nullptr && clock_.Steady() >= connect_at_) Connect();
  SendOut();
  TellEvents();
}

void Client::Take() {
  ReceiveIn();
  TellDeliveries();
  TellEvents();
  KeepAlive();
}

bool Client::MayEnd() {
  const std::lock_guard lock(mutex_);
  if (!stopping_) return false;
  return settling_ == 0 || connection_ == nullptr || clock_.Steady() >= stop_by_;
}

void Client::Connect() {
  auto fd = ConnectTo(settings_.socket_path);
  if (!fd.ok()) return Lose(fd.error().message);
  connection_ = std::make_unique<Connection>(std::move(fd).value());
  connection_->heard_at = clock_.Steady();
  connection_->ping_at = connection_->heard_at + connection_->lease / kPingsPerLease;
  FrameWriter(connection_->stream.out(), FrameType::kHello).U8(kProtocolVersion).Bytes(settings_.queue);
  const std::lock_guard lock(mutex_);
  ++generation_;
  cut_ = false;
}

void Client::Lose(const std::string& reason) {
  connection_.reset();
  arriving_.clear();
  beginning_.clear();
  const auto longest =
      std::min(settings_.reconnect_max, settings_.reconnect_min * (1 << std::min(failures_, kDoublingsMax)));
  ++failures_;
  connect_at_ = clock_.Steady() + std::chrono::microseconds(static_cast<std::int64_t>(
                                      static_cast<double>(Micros(longest).count()) * (0.5 + random_.Unit())));
  TellConnection(false, reason);
}

void Client::TellConnection(bool connected, const std::string& reason) {
  {
    const std::lock_guard lock(mutex_);
    ready_ = connected;
    out_.clear();
    begun_.clear();
    answers_.clear();
    leases_.clear();
    settling_ = 0;
  }
  // The same trouble is told once, not at each try.
  if (!connected && !told_connected_ && told_ == reason) return;
  told_connected_ = connected;
  told_ = reason;
  events_->OnConnection(connected, reason);
}

void Client::SendOut() {
  if (connection_ == nullptr) return;
  bool cut = false;
  {
    const std::lock_guard lock(mutex_);
    cut = cut_;
    connection_->stream.out() += out_;
    out_.clear();
    if (out_.capacity() > kFrameBytesMax / 32) out_.shrink_to_fit();
    beginning_.insert(beginning_.end(), begun_.begin(), begun_.end());
    begun_.clear();
  }
  if (cut) return Lose("the connection was cut");
  if (Status sent = connection_->stream.Flush(); !sent.ok()) return Lose(sent.error().message);
  if (connection_->stream.unsent_bytes() > 0 || beginning_.empty()) return;
  const std::lock_guard lock(mutex_);
  for (const ports::DeliveryTag tag : beginning_) answers_.push_back(Event{Event::Kind::kStarted, tag, Ok()});
  beginning_.clear();
}

void Client::TellEvents() {
  std::vector<Event> events;
  {
    const std::lock_guard lock(mutex_);
    events.swap(answers_);
  }
  for (Event& event : events) {
    if (event.kind == Event::Kind::kStarted) events_->OnStarted(event.tag, std::move(event.status));
    if (event.kind == Event::Kind::kSettled) events_->OnSettled(event.tag, std::move(event.status));
  }
}

SteadyTime Client::WaitUntil() {
  const SteadyTime now = clock_.Steady();
  SteadyTime until = connection_ == nullptr ? connect_at_ : connection_->ping_at;
  const std::lock_guard lock(mutex_);
  // Called for by an event of this turn.
  if (connection_ != nullptr && !out_.empty()) return now;
  if (!answers_.empty() || cut_) return now;
  return stopping_ ? std::min(until, stop_by_) : until;
}

void Client::ListSockets() {
  sockets_.clear();
  if (connection_ == nullptr) return;
  const bool unsent = connection_->stream.unsent_bytes() > 0;
  sockets_.push_back({connection_->stream.fd(), static_cast<short>(unsent ? POLLIN | POLLOUT : POLLIN), 0});
  sockets_of_ = generation_;
}

void Client::Wait() {
  ListSockets();
  sockets_.push_back({wake_.get(), POLLIN, 0});
  const std::int64_t left_us = Micros(WaitUntil() - clock_.Steady()).count();
  const int ready =
      poll(sockets_.data(), sockets_.size(), static_cast<int>(std::max<std::int64_t>(0, (left_us + 999) / 1000)));
  if (ready <= 0 || (sockets_.back().revents & POLLIN) == 0) return;
  const std::lock_guard lock(mutex_);
  woken_ = false;
  std::uint64_t count = 0;
  ASYA_CHECK(read(wake_.get(), &count, sizeof(count)) > 0 || errno == EAGAIN);
}

void Client::ReceiveIn() {
  if (connection_ == nullptr) return;
  const Status received =
      connection_->stream.Receive([this](FrameType type, std::string_view content) { return OnFrame(type, content); });
  if (received.ok()) return;
  // What arrived before the end is void with it, but outcomes are not.
  TellEvents();
  Lose(received.error().message);
}

Status Client::OnFrame(FrameType type, std::string_view content) {
  connection_->heard_at = clock_.Steady();
  FrameReader frame(content);
  switch (type) {
    case FrameType::kWelcome: {
      frame.U8();
      connection_->lease = std::chrono::milliseconds(std::max<std::uint32_t>(frame.U32(), kPingsPerLease));
      const std::size_t limit = frame.U32();
      if (!frame.Whole()) return Invalid("", "malformed frame: welcome");
      connection_->ping_at = connection_->heard_at + connection_->lease / kPingsPerLease;
      {
        const std::lock_guard lock(mutex_);
        message_limit_bytes_ = limit;
      }
      failures_ = 0;
      TellConnection(true, "");
      return Ok();
    }
    case FrameType::kWaiting:
      return OnWaiting(frame);
    case FrameType::kRefused:
      return Fail(ErrorCode::kClosed, std::string(frame.Bytes(kTextBytesMax)));
    case FrameType::kDelivery:
      return OnDelivery(frame);
    case FrameType::kSettled:
      return OnSettled(content);
    case FrameType::kPong:
      return Ok();
    case FrameType::kHello:
    case FrameType::kGrant:
    case FrameType::kRevoke:
    case FrameType::kBegin:
    case FrameType::kSettle:
    case FrameType::kPing:
      break;
  }
  return Invalid("", "a frame of unknown type");
}

Status Client::OnWaiting(FrameReader frame) {
  const std::string reason(frame.Bytes(kTextBytesMax));
  if (!frame.Whole()) return Invalid("", "malformed frame: waiting");
  failures_ = 0;
  TellEvents();
  arriving_.clear();
  beginning_.clear();
  TellConnection(false, reason);
  return Ok();
}

ports::DeliveryTag Client::TagOf(std::uint64_t wire) const {
  return ports::DeliveryTag((generation_ << kWireTagBits) | (wire & kWireTagMask));
}

Status Client::OnDelivery(FrameReader frame) {
  ports::Delivery delivery;
  delivery.tag = TagOf(frame.U64());
  delivery.crash_count = frame.I64();
  delivery.enqueued_at = WallTime(std::chrono::microseconds(frame.I64()));
  delivery.body = frame.Bytes(kFrameBytesMax);
  if (!frame.Whole()) return Invalid("", "malformed frame: delivery");
  const std::lock_guard lock(mutex_);
  // While stopping it goes back with the end of the connection, untold.
  if (stopping_) return Ok();
  leases_.emplace(delivery.tag, false);
  arriving_.push_back(std::move(delivery));
  return Ok();
}

Status Client::OnSettled(std::string_view content) {
  ASYA_TRY(Settled settled, ReadSettled(content));
  const std::lock_guard lock(mutex_);
  const ports::DeliveryTag tag = TagOf(settled.tag);
  const auto lease = leases_.find(tag);
  if (lease == leases_.end() || !lease->second) return Ok();
  --settling_;
  const bool gone = settled.status.ok() || settled.status.error().code == ErrorCode::kConflict;
  if (gone) leases_.erase(lease);
  if (!gone) lease->second = false;
  answers_.push_back(Event{Event::Kind::kSettled, tag, std::move(settled.status)});
  return Ok();
}

void Client::TellDeliveries() {
  if (!arriving_.empty()) events_->OnDeliveries(std::exchange(arriving_, {}));
}

void Client::KeepAlive() {
  if (connection_ == nullptr) return;
  const SteadyTime now = clock_.Steady();
  if (now < connection_->ping_at) return;
  if (now - connection_->heard_at >= connection_->lease) return Lose("the broker has been silent for too long");
  connection_->ping_at = now + connection_->lease / kPingsPerLease;
  FrameWriter(connection_->stream.out(), FrameType::kPing);
}

}  // namespace asya::transports::sqlite
