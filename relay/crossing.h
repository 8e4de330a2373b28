// Crossing: brings what the queue says to the reactor's thread, many events at a time, and never within a call of the
// relay.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "ports/message_queue.h"
#include "relay/reactor.h"
#include "relay/reactor_driver.h"

namespace asya::relay {

class Crossing final : public ports::ConsumerEvents {
 public:
  // `target` is called on the reactor's thread and must outlive it; `after` once all that came together is told.
  Crossing(Reactor& reactor, ports::ConsumerEvents& target, std::function<void()> after)
      : reactor_(reactor), driver_(reactor), target_(target), after_(std::move(after)) {}

  void OnDeliveries(std::vector<ports::Delivery> deliveries) override { Add(std::move(deliveries)); }
  void OnStarted(ports::DeliveryTag tag, Status status) override { Add(Started{tag, std::move(status)}); }
  void OnSettled(ports::DeliveryTag tag, Status status) override { Add(Settled{tag, std::move(status)}); }
  void OnConnection(bool connected, const std::string& reason) override { Add(Connection{connected, reason}); }
  ports::Driver* driver() override { return &driver_; }

 private:
  struct Started {
    ports::DeliveryTag tag;
    Status status;
  };
  struct Settled {
    ports::DeliveryTag tag;
    Status status;
  };
  struct Connection {
    bool connected = false;
    std::string reason;
  };
  using Event = std::variant<std::vector<ports::Delivery>, Started, Settled, Connection>;

  void Add(Event event);
  void Take();
  void Tell(Event& event);

  Reactor& reactor_;
  ReactorDriver driver_;
  ports::ConsumerEvents& target_;
  const std::function<void()> after_;
  std::vector<Event> taken_;  // empty between two rounds; keeps its memory
  std::mutex mutex_;
  std::vector<Event> events_;  // bounded by the credits: a few for each lease
};

}  // namespace asya::relay
