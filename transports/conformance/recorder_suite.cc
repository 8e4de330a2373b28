#include "transports/conformance/recorder_suite.h"

#include <utility>

namespace asya::transports::conformance {

Recorder::Recorder(std::unique_ptr<ports::MessageQueue> queue, std::size_t credits)
    : queue_(std::move(queue)), credits_(credits) {}

Recorder::~Recorder() { queue_->Stop(std::chrono::seconds(1)); }

std::vector<ports::Delivery> Recorder::Take(std::size_t count, std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, patience, [&] { return deliveries_.size() >= count; });
  std::vector<ports::Delivery> taken;
  while (taken.size() < count && !deliveries_.empty()) {
    taken.push_back(std::move(deliveries_.front()));
    deliveries_.pop_front();
  }
  return taken;
}

Status Recorder::WaitOutcome(std::map<std::uint64_t, Status>& outcomes, ports::DeliveryTag tag) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, kPatience, [&] { return outcomes.contains(tag.get()); })) {
    return Fail(ErrorCode::kTimeout, "no outcome came");
  }
  Status status = outcomes.at(tag.get());
  outcomes.erase(tag.get());
  return status;
}

Status Recorder::Settle(ports::Settlement settlement) {
  const ports::DeliveryTag tag = settlement.tag;
  queue_->Settle(std::move(settlement));
  return WaitOutcome(settled_, tag);
}

Status Recorder::Begin(ports::DeliveryTag tag, std::int64_t crash_count) {
  queue_->Begin(tag, crash_count);
  return WaitOutcome(started_, tag);
}

std::optional<bool> Recorder::TakeConnection(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, patience, [&] { return !connections_.empty(); })) return std::nullopt;
  const bool connected = connections_.front();
  connections_.pop_front();
  return connected;
}

bool Recorder::WaitConnected(bool wanted) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, kPatience, [&] { return connected_ == wanted; });
}

std::string Recorder::LastReason() const {
  const std::lock_guard lock(mutex_);
  return reason_;
}

void Recorder::OnDeliveries(std::vector<ports::Delivery> deliveries) {
  const std::lock_guard lock(mutex_);
  for (auto& delivery : deliveries) deliveries_.push_back(std::move(delivery));
  changed_.notify_all();
}

void Recorder::OnStarted(ports::DeliveryTag tag, Status status) {
  const std::lock_guard lock(mutex_);
  started_.insert_or_assign(tag.get(), std::move(status));
  changed_.notify_all();
}

void Recorder::OnSettled(ports::DeliveryTag tag, Status status) {
  const std::lock_guard lock(mutex_);
  settled_.insert_or_assign(tag.get(), std::move(status));
  changed_.notify_all();
}

void Recorder::OnConnection(bool connected, const std::string& reason) {
  if (connected && credits_ > 0) queue_->Grant(credits_);
  const std::lock_guard lock(mutex_);
  // What was delivered before is void; a test that wants it has taken it.
  if (!connected) deliveries_.clear();
  connected_ = connected;
  connections_.push_back(connected);
  if (!connected) reason_ = reason;
  changed_.notify_all();
}

}  // namespace asya::transports::conformance
