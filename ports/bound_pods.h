// BoundPods: the pods of others that ask for the relay of an actor, as far as its status tells of them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace asya::ports {

// Pods that run, or are about to.
struct BoundCount {
  std::size_t pods = 0;
  std::size_t without_relay = 0;  // made while no webhook put one in; they get no work
  std::size_t ready = 0;          // and with a relay
};

// Thread safe.
class BoundPods {
 public:
  virtual ~BoundPods() = default;
  // Of an actor, by the name that it goes by in routes.
  [[nodiscard]] virtual BoundCount Count(const std::string& namespace_, const std::string& actor) const = 0;
  // Called (any thread, must not block) when a pod came, changed or went.
  [[nodiscard]] virtual std::shared_ptr<void> Subscribe(
      std::function<void(const std::string& namespace_, const std::string& actor)> on_change) = 0;
};

}  // namespace asya::ports
