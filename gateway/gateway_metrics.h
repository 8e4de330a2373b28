// GatewayMetrics: what the gateway counts.
#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include "core/observe/metrics.h"
#include "ports/task_store.h"

namespace asya::gateway {

// A default one counts nothing.
class GatewayMetrics {
 public:
  GatewayMetrics() = default;
  explicit GatewayMetrics(observe::Metrics& registry);
  void Created() const;
  void Reported(ports::TaskStatus status) const;
  void DeadLetters(std::size_t count) const;
  void StreamOpened() const;
  void StreamEnded() const;
  void FlyDropped() const;
  void ListenerRefused() const;

 private:
  struct Series {
    observe::Counter created;
    std::array<observe::Counter, 6> reported;  // by TaskStatus
    observe::Counter dead_letters;
    observe::Gauge streams;
    observe::Counter fly_dropped;
    observe::Counter listeners_refused;
  };
  std::shared_ptr<const Series> series_;
};

}  // namespace asya::gateway
