#include "server/abandoned_work.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace asya::server {
namespace {

// What a consumer tells, for one thread that waits for it.
class Arrivals final : public ports::ConsumerEvents {
 public:
  explicit Arrivals(ports::MessageQueue& queue) : queue_(queue) {}

  void OnDeliveries(std::vector<ports::Delivery> deliveries) override {
    const std::lock_guard lock(mutex_);
    for (ports::Delivery& delivery : deliveries) waiting_.push_back(std::move(delivery));
    changed_.notify_all();
  }
  void OnStarted(ports::DeliveryTag /*tag*/, Status /*status*/) override {}
  void OnSettled(ports::DeliveryTag /*tag*/, Status status) override {
    {
      const std::lock_guard lock(mutex_);
      if (unsettled_ > 0) --unsettled_;
      if (status.ok()) ++moved_;
      changed_.notify_all();
    }
    queue_.Grant(1);
  }
  void OnConnection(bool connected, const std::string& reason) override {
    {
      const std::lock_guard lock(mutex_);
      connected_ = connected;
      problem_ = reason;
      waiting_.clear();
      unsettled_ = 0;
      changed_.notify_all();
    }
    if (connected) queue_.Grant(AbandonedWorkBox::kMessagesAtOnce);
  }

  // nullopt where none comes for so long.
  std::optional<ports::Delivery> Next(std::chrono::milliseconds quiet) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, quiet, [this] { return !waiting_.empty(); })) return std::nullopt;
    ports::Delivery delivery = std::move(waiting_.front());
    waiting_.pop_front();
    return delivery;
  }
  Status WaitForConnection(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, time, [this] { return connected_; })) return Ok();
    return Fail(ErrorCode::kUnavailable, problem_.empty() ? "the broker does not answer" : problem_);
  }
  void Settle(ports::DeliveryTag tag) {
    {
      const std::lock_guard lock(mutex_);
      ++unsettled_;
    }
    ports::Settlement settlement;
    settlement.tag = tag;
    queue_.Settle(std::move(settlement));
  }
  // Of those whose settlement is known within that time.
  std::int64_t Moved(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, time, [this] { return unsettled_ == 0; });
    return moved_;
  }

 private:
  ports::MessageQueue& queue_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<ports::Delivery> waiting_;  // at most what was granted
  std::size_t unsettled_ = 0;
  std::int64_t moved_ = 0;
  bool connected_ = false;
  std::string problem_;
};

}  // namespace

Result<std::int64_t> AbandonedWorkBox::Take(const ports::AbandonedWork& work) {
  ASYA_TRY(const auto queue, consume_(work.transport, work.queue));
  Arrivals arrivals(*queue);
  const SteadyTime end = clock_.Steady() + patience_.all;
  queue->Start(arrivals);
  Status kept = arrivals.WaitForConnection(patience_.connect);
  while (kept.ok() && clock_.Steady() < end) {
    const auto delivery = arrivals.Next(patience_.quiet);
    if (!delivery) break;
    kept = keep_(delivery->body, work);
    if (kept.ok()) arrivals.Settle(delivery->tag);
  }
  queue->RevokeCredits();
  const std::int64_t moved = arrivals.Moved(patience_.stop);
  // What is held still goes back.
  queue->Stop(patience_.stop);
  if (!kept.ok()) return kept.error();
  return moved;
}

}  // namespace asya::server
