#include "transports/pubsub/consumer.h"

#include <utility>

namespace asya::transports::pubsub {

Consumer::Consumer(const ConsumerSettings& settings, const Clock& clock, Random& random)
    : settings_(settings),
      subscription_(SubscriptionName(settings.address.project, settings.queue)),
      clock_(clock),
      random_(random),
      loop_(clock) {
  constexpr std::size_t kInstanceBytes = 8;
  report_.instance = RandomHex(kInstanceBytes);
  report_.queue = settings_.queue;
}

Consumer::~Consumer() { Consumer::Stop(std::chrono::milliseconds(0)); }

void Consumer::Start(ports::ConsumerEvents& events) {
  ASYA_CHECK(!thread_.joinable());
  events_ = &events;
  ASYA_CHECK(loop_.Open().ok());
  thread_ = std::thread([this] { Work(); });
}

void Consumer::Grant(std::size_t count) {
  loop_.Post([this, count] {
    if (phase_ == Phase::kReady && !stopping_) credits_ += count;
  });
}

// Pulls that wait are left alone: what a cancelled one was about to bring would stay leased to nobody.
void Consumer::RevokeCredits() {
  loop_.Post([this] { credits_ = 0; });
}

// Pub/Sub counts deliveries by itself; nothing has to be written before a call.
void Consumer::Begin(ports::DeliveryTag tag, std::int64_t /*crash_count*/) {
  loop_.Post([this, tag] { OnBegin(tag); });
}

void Consumer::Settle(std::shared_ptr<const ports::Settlement> settlement) {
  loop_.Post([this, settlement = std::move(settlement)] { OnSettle(*settlement); });
}

void Consumer::Stop(std::chrono::milliseconds grace) {
  if (!thread_.joinable()) return;
  loop_.Post([this, grace] { BeginStop(grace); });
  thread_.join();
}

void Consumer::Abandon() {
  loop_.Post([this] {
    if (phase_ == Phase::kAway) return;
    channel_.reset();  // without a word to the server
    Lose("the connection was cut");
    memory_.Forget();
    orphans_.clear();
    careful_ = true;
  });
}

}  // namespace asya::transports::pubsub
