// ReactorDriver: gives a transport its turns on the reactor's thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "ports/driver.h"
#include "relay/reactor.h"

namespace asya::relay {

class ReactorDriver final : public ports::Driver {
 public:
  explicit ReactorDriver(Reactor& reactor) : reactor_(reactor), timer_(reactor) {}

  void Begin(std::function<void()> turn) override;
  void Soon() override;
  void Await(std::vector<pollfd>& sockets, SteadyTime until, bool same) override;
  void Leave() override;

 private:
  void Turn();
  void WatchSockets();
  void Ready(std::size_t socket, bool readable, bool writable);

  Reactor& reactor_;
  Timer timer_;
  SteadyTime timer_at_{};
  std::function<void()> turn_;
  std::vector<pollfd>* sockets_ = nullptr;
  std::vector<std::unique_ptr<Watch>> watches_;  // of the sockets, in their order
  std::atomic<bool> due_ = false;
};

}  // namespace asya::relay
