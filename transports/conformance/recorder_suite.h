// Recorder: a consumer for tests that keeps every event and lets the test wait for them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "ports/message_queue.h"

namespace asya::transports::conformance {

// How long a test waits for what must come; only a failing test waits that long.
constexpr std::chrono::seconds kPatience{20};

class Recorder final : public ports::ConsumerEvents {
 public:
  // Grants `credits` at each connection.
  Recorder(std::unique_ptr<ports::MessageQueue> queue, std::size_t credits);
  ~Recorder() override;

  void Start() { queue_->Start(*this); }
  ports::MessageQueue& Queue() { return *queue_; }
  // The next `count` deliveries in order of arrival, or fewer when patience ends.
  std::vector<ports::Delivery> Take(std::size_t count, std::chrono::milliseconds patience = kPatience);
  // Settles and waits for the outcome; kTimeout when none comes.
  Status Settle(ports::Settlement settlement);
  // Begins and waits for the outcome.
  Status Begin(ports::DeliveryTag tag, std::int64_t crash_count);
  // Waits for the next change of the connection after those already taken.
  std::optional<bool> TakeConnection(std::chrono::milliseconds patience = kPatience);
  // Waits until the connection is (or is not) there.
  bool WaitConnected(bool wanted);
  // Of the last loss, though the connection may be back.
  [[nodiscard]] std::string LastReason() const;

  void OnDeliveries(std::vector<ports::Delivery> deliveries) override;
  void OnStarted(ports::DeliveryTag tag, Status status) override;
  void OnSettled(ports::DeliveryTag tag, Status status) override;
  void OnConnection(bool connected, const std::string& reason) override;

 private:
  Status WaitOutcome(std::map<std::uint64_t, Status>& outcomes, ports::DeliveryTag tag);

  std::unique_ptr<ports::MessageQueue> queue_;
  const std::size_t credits_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<ports::Delivery> deliveries_;
  std::map<std::uint64_t, Status> started_;
  std::map<std::uint64_t, Status> settled_;
  std::deque<bool> connections_;
  bool connected_ = false;
  std::string reason_;
};

}  // namespace asya::transports::conformance
