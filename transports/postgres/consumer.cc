#include "transports/postgres/consumer.h"

#include <utility>

#include "transports/postgres/owners.h"
#include "transports/postgres/tables.h"

namespace asya::transports::postgres {

namespace {

// A lost connection voids the leases, so it has to be seen.
ConsumerSettings SeeingLoss(ConsumerSettings settings) {
  settings.database.hide_loss = false;
  return settings;
}

}  // namespace

Consumer::Consumer(const ConsumerSettings& settings, const Clock& clock, Random& random)
    : settings_(SeeingLoss(settings)), clock_(clock), random_(random), former_(ReadOwners(settings.owners_file)) {}

Consumer::~Consumer() { Consumer::Stop(std::chrono::milliseconds(0)); }

void Consumer::Start(ports::ConsumerEvents& events) {
  ASYA_CHECK(!thread_.joinable());
  events_ = &events;
  auto on_hint = [this](const std::string& /*channel*/, const std::string& payload) {
    const Hint hint = ParseHint(payload);
    if (hint.queue != settings_.queue) return;
    const std::lock_guard lock(mutex_);
    if (hint.delay_ms == kQueueChanged) check_ = true;
    look_ = true;
    changed_.notify_all();
  };
  // A tick is not a hint: the consumer looks by itself at the times it knows.
  listener_ = std::make_unique<sql::postgres::Listener>(settings_.database, std::vector<std::string>{kHintChannel},
                                                        on_hint, [] {});
  listener_->Start();
  thread_ = std::thread([this] { Work(); });
}

void Consumer::Grant(std::size_t count) {
  const std::lock_guard lock(mutex_);
  if (!ready_ || stopping_) return;
  credits_ += count;
  look_ = true;
  changed_.notify_all();
}

void Consumer::RevokeCredits() {
  const std::lock_guard lock(mutex_);
  credits_ = 0;
}

void Consumer::Begin(ports::DeliveryTag tag, std::int64_t crash_count) {
  const std::lock_guard lock(mutex_);
  const auto lease = leases_.find(tag);
  if (lease == leases_.end() || lease->second.settling) {
    answers_.push_back(Answer{Answer::Kind::kStarted, tag, LeaseLost()});
  } else {
    begins_.push_back(Batch::Begin{lease->second.leased, tag, crash_count});
  }
  changed_.notify_all();
}

void Consumer::Settle(std::shared_ptr<const ports::Settlement> settlement) {
  const std::lock_guard lock(mutex_);
  changed_.notify_all();
  const auto lease = leases_.find(settlement->tag);
  if (lease == leases_.end() || lease->second.settling) {
    answers_.push_back(Answer{Answer::Kind::kSettled, settlement->tag, LeaseLost()});
    return;
  }
  Status size = CheckSizes(settlement->publish);
  if (size.ok()) size = CheckSizes({{settings_.queue, settlement->retry_body, ""}});
  if (!size.ok()) {
    answers_.push_back(Answer{Answer::Kind::kSettled, settlement->tag, std::move(size)});
    return;
  }
  lease->second.settling = true;
  settlements_.emplace_back(lease->second.leased, std::move(settlement));
}

void Consumer::Stop(std::chrono::milliseconds grace) {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    stop_by_ = clock_.Steady() + grace;
    credits_ = 0;
    changed_.notify_all();
  }
  thread_.join();
  listener_->Stop();
}

void Consumer::Abandon() {
  const std::lock_guard lock(mutex_);
  abandon_ = true;
  changed_.notify_all();
}

}  // namespace asya::transports::postgres
