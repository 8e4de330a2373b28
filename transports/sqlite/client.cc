#include "transports/sqlite/client.h"

#include <sys/eventfd.h>

#include <utility>

namespace asya::transports::sqlite {
namespace {

Error LeaseLost() { return Fail(ErrorCode::kConflict, "the lease was lost"); }

}  // namespace

Client::Client(ClientSettings settings, const Clock& clock, Random& random)
    : settings_(std::move(settings)), clock_(clock), random_(random) {}

Client::~Client() { Client::Stop(std::chrono::milliseconds(0)); }

void Client::Start(ports::ConsumerEvents& events) {
  ASYA_CHECK(!std::exchange(running_, true));
  events_ = &events;
  wake_ = UniqueFd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  ASYA_CHECK(wake_.valid());
  driver_ = events.driver();
  if (driver_ != nullptr) {
    driver_.load()->Begin([this] { DrivenTurn(); });
  } else {
    thread_ = std::thread([this] { Work(); });
  }
}

void Client::Wake() {
  if (ports::Driver* const driver = driver_; driver != nullptr) return driver->Soon();
  // The thread looks at what was called for after each event it tells.
  if (woken_ || std::this_thread::get_id() == own_thread_) return;
  woken_ = true;
  const std::uint64_t one = 1;
  ASYA_CHECK(write(wake_.get(), &one, sizeof(one)) == sizeof(one));
}

void Client::Answer(Event event) {
  answers_.push_back(std::move(event));
  Wake();
}

void Client::Grant(std::size_t count) {
  const std::lock_guard lock(mutex_);
  if (!ready_ || stopping_ || count == 0) return;
  FrameWriter(out_, FrameType::kGrant).U32(static_cast<std::uint32_t>(count));
  Wake();
}

void Client::RevokeCredits() {
  const std::lock_guard lock(mutex_);
  if (!ready_ || stopping_) return;
  FrameWriter(out_, FrameType::kRevoke);
  Wake();
}

void Client::Begin(ports::DeliveryTag tag, std::int64_t crash_count) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  const auto lease = leases_.find(tag);
  if (lease == leases_.end() || lease->second) return Answer(Event{Event::Kind::kStarted, tag, LeaseLost()});
  FrameWriter(out_, FrameType::kBegin).U64(tag.get() & kWireTagMask).I64(crash_count);
  begun_.push_back(tag);
  Wake();
}

void Client::Settle(std::shared_ptr<const ports::Settlement> settlement) {
  const std::lock_guard lock(mutex_);
  const ports::DeliveryTag tag = settlement->tag;
  const auto lease = leases_.find(tag);
  if (lease == leases_.end() || lease->second) return Answer(Event{Event::Kind::kSettled, tag, LeaseLost()});
  if (Status size = CheckSize(*settlement, message_limit_bytes_); !size.ok()) {
    return Answer(Event{Event::Kind::kSettled, tag, std::move(size)});
  }
  lease->second = true;
  ++settling_;
  WriteSettle(out_, tag.get() & kWireTagMask, *settlement);
  Wake();
}

std::size_t Client::MessageLimitBytes() const {
  const std::lock_guard lock(mutex_);
  return message_limit_bytes_;
}

void Client::Stop(std::chrono::milliseconds grace) {
  if (!std::exchange(running_, false)) return;
  ports::Driver* const driver = driver_.exchange(nullptr);
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    stop_by_ = clock_.Steady() + grace;
    if (ready_) FrameWriter(out_, FrameType::kRevoke);
    Wake();
  }
  if (driver != nullptr) {
    driver->Leave();
    Work();
  } else {
    thread_.join();
  }
}

void Client::Reconnect() {
  const std::lock_guard lock(mutex_);
  cut_ = true;
  Wake();
}

}  // namespace asya::transports::sqlite
