// Crossing: brings what the queue says from its own thread to the reactor's, many events at a time.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "ports/message_queue.h"
#include "relay/reactor.h"

namespace asya::relay {

class Crossing final : public ports::ConsumerEvents {
 public:
  // `target` is called on the reactor's thread and must outlive it.
  Crossing(Reactor& reactor, ports::ConsumerEvents& target) : reactor_(reactor), target_(target) {}

  void OnDeliveries(std::vector<ports::Delivery> deliveries) override {
    Add([this, deliveries = std::move(deliveries)]() mutable { target_.OnDeliveries(std::move(deliveries)); });
  }
  void OnStarted(ports::DeliveryTag tag, Status status) override {
    Add([this, tag, status = std::move(status)] { target_.OnStarted(tag, status); });
  }
  void OnSettled(ports::DeliveryTag tag, Status status) override {
    Add([this, tag, status = std::move(status)] { target_.OnSettled(tag, status); });
  }
  void OnConnection(bool connected, const std::string& reason) override {
    Add([this, connected, reason] { target_.OnConnection(connected, reason); });
  }

 private:
  void Add(std::function<void()> event);
  void Take();

  Reactor& reactor_;
  ports::ConsumerEvents& target_;
  std::mutex mutex_;
  std::vector<std::function<void()>> events_;  // bounded by the credits: a few for each lease
};

}  // namespace asya::relay
