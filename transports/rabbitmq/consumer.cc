#include "transports/rabbitmq/consumer.h"

#include <utility>

namespace asya::transports::rabbitmq {

Consumer::Consumer(const ConsumerSettings& settings, const Clock& clock, Random& random)
    : settings_(settings),
      clock_(clock),
      random_(random),
      loop_(clock),
      message_bytes_max_(settings.message_bytes_max) {}

Consumer::~Consumer() { Consumer::Stop(std::chrono::milliseconds(0)); }

void Consumer::Start(ports::ConsumerEvents& events) {
  ASYA_CHECK(!std::exchange(running_, true));
  events_ = &events;
  ASYA_CHECK(loop_.Open().ok());
  driver_ = events.driver();
  if (driver_ != nullptr) {
    driver_.load()->Begin([this] { DrivenTurn(); });
  } else {
    thread_ = std::thread([this] { Work(); });
  }
}

// From any thread.
void Consumer::Post(net::Loop::Letter letter) {
  ports::Driver* const driver = driver_;
  if (driver == nullptr) {
    loop_.Post(std::move(letter));
  } else if (loop_.Put(std::move(letter))) {
    driver->Soon();
  }
}

void Consumer::Grant(std::size_t count) {
  Post([this, count] {
    if (phase_ == Phase::kReady && !stopping_) windows_->Grant(count);
  });
}

void Consumer::RevokeCredits() {
  Post([this] {
    ++revocations_;
    if (windows_ != nullptr) windows_->Revoke();
  });
}

// The broker counts deliveries that were never settled by itself: nothing has to be written before the first call, and
// nobody waits for the thread. A lease that is lost from now on is told by OnConnection().
void Consumer::Begin(ports::DeliveryTag tag, std::int64_t crash_count) {
  if (crash_count > 1) return Post([this, tag] { OnBegin(tag); });
  events_->OnStarted(tag, tag.get() > lost_up_to_ ? Ok() : LeaseLost());
}

// One letter serves all that come until it is read.
void Consumer::Settle(std::shared_ptr<const ports::Settlement> settlement) {
  bool first = false;
  {
    const std::lock_guard lock(settlements_mutex_);
    first = settlements_.empty();
    settlements_.push_back(std::move(settlement));
  }
  if (first) Post([this] { TakeSettlements(); });
}

void Consumer::TakeSettlements() {
  {
    const std::lock_guard lock(settlements_mutex_);
    taken_settlements_.swap(settlements_);
  }
  for (const auto& settlement : taken_settlements_) OnSettle(settlement);
  taken_settlements_.clear();
}

void Consumer::Stop(std::chrono::milliseconds grace) {
  if (!std::exchange(running_, false)) return;
  ports::Driver* const driver = driver_.exchange(nullptr);
  Post([this, grace] { BeginStop(grace); });
  if (driver != nullptr) {
    driver->Leave();
    Work();
  } else {
    thread_.join();
  }
}

void Consumer::Abandon() {
  Post([this] {
    if (phase_ == Phase::kAway) return;
    consuming_.reset();  // without a word to the broker
    Lose("the connection was cut");
    memory_.Forget();
    pardons_.Forget();
    is_fresh_ = true;
  });
}

}  // namespace asya::transports::rabbitmq
