#include "transports/sqs/consumer.h"

#include <utility>

namespace asya::transports::sqs {

Consumer::Consumer(const ConsumerSettings& settings, const Clock& clock, Random& random, CallCounts* counts)
    : settings_(settings),
      clock_(clock),
      random_(random),
      counts_(counts),
      calls_(settings.service, transfers_, clock, random, counts),
      outlets_({settings.service.account_id, settings.linger, settings.message_bytes_max}, calls_, clock) {}

Consumer::~Consumer() { Consumer::Stop(std::chrono::milliseconds(0)); }

void Consumer::Start(ports::ConsumerEvents& events) {
  ASYA_CHECK(!thread_.joinable());
  events_ = &events;
  thread_ = std::thread([this] { Work(); });
}

void Consumer::Grant(std::size_t count) {
  mailbox_.Post([this, count] {
    if (phase_ == Phase::kReady && !stopping_) polls_.Grant(count, clock_.Steady());
  });
}

void Consumer::RevokeCredits() {
  mailbox_.Post([this] { polls_.Revoke(); });
}

void Consumer::Begin(ports::DeliveryTag tag, std::int64_t /*crash_count*/) {
  mailbox_.Post([this, tag] { OnBegin(tag); });
}

void Consumer::Settle(std::shared_ptr<const ports::Settlement> settlement) {
  mailbox_.Post([this, settlement = std::move(settlement)] { OnSettle(*settlement); });
}

void Consumer::Stop(std::chrono::milliseconds grace) {
  if (!thread_.joinable()) return;
  mailbox_.Post([this, grace] { BeginStop(grace); });
  thread_.join();
}

void Consumer::Abandon() {
  mailbox_.Post([this] {
    if (phase_ == Phase::kAway) return;
    Lose("the connection was cut");
    memory_.Forget();
  });
}

}  // namespace asya::transports::sqs
