// Echo: an in-process consumer that announces each message, and settles it with one publish of the same body.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "bench/transports/measure.h"
#include "ports/message_queue.h"

namespace asya::bench {

constexpr std::chrono::seconds kPatience{60};

class Echo final : public ports::ConsumerEvents {
 public:
  // Grants `credits`; ends after kHops messages.
  Echo(ports::MessageQueue& queue, std::size_t credits) : queue_(queue), credits_(credits) {}

  void OnDeliveries(std::vector<ports::Delivery> deliveries) override {
    for (auto& delivery : deliveries) {
      bodies_.emplace(delivery.tag, std::move(delivery.body));
      queue_.Begin(delivery.tag, delivery.crash_count + 1);
    }
  }
  void OnStarted(ports::DeliveryTag tag, Status /*status*/) override {
    ports::Settlement settlement;
    settlement.tag = tag;
    settlement.publish.push_back({"asya-bench-next", std::move(bodies_.at(tag)), "id"});
    bodies_.erase(tag);
    queue_.Settle(std::move(settlement));
  }
  void OnSettled(ports::DeliveryTag /*tag*/, Status status) override {
    ASYA_CHECK(status.ok());
    queue_.Grant(1);
    const std::lock_guard lock(mutex_);
    if (++settled_ == kHops) finished_.notify_all();
  }
  void OnConnection(bool connected, const std::string& /*reason*/) override {
    if (connected) queue_.Grant(credits_);
  }
  bool WaitAll() {
    std::unique_lock lock(mutex_);
    return finished_.wait_for(lock, kPatience, [this] { return settled_ == kHops; });
  }

 private:
  ports::MessageQueue& queue_;
  const std::size_t credits_;
  std::map<ports::DeliveryTag, std::string> bodies_;
  std::mutex mutex_;
  std::condition_variable finished_;
  int settled_ = 0;
};

}  // namespace asya::bench
