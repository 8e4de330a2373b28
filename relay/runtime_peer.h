// RuntimePeer: calls the runtime over its Unix socket, one keep-alive connection for each call that runs at the same
// time.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "relay/callee.h"
#include "relay/invocation_reply.h"
#include "relay/runtime_watch.h"
#include "relay/stream.h"

namespace asya::relay {

class RuntimePeer final : public Callee {
 public:
  // The sockets are those of a runtime in `socket_dir`.
  RuntimePeer(Reactor& reactor, const std::string& socket_dir, const ReplyLimits& limits, Random& random);
  ~RuntimePeer() override;
  RuntimePeer(const RuntimePeer&) = delete;
  RuntimePeer& operator=(const RuntimePeer&) = delete;

  void Start(OnState on_change) override { watch_.Start(std::move(on_change)); }
  [[nodiscard]] const RuntimeState& state() const override { return watch_.state(); }
  void Invoke(std::string body, std::chrono::microseconds timeout, CallListener& listener,
              OnFinished on_finished) override;

 private:
  struct Link;
  void Connect(std::uint64_t number);
  void Send(Link& link);
  void TakeData(std::uint64_t number, std::string_view bytes);
  void TakeEnd(std::uint64_t number, const Status& status);
  void Finish(std::uint64_t number, Finished finished, bool keep);
  void AwaitLate(SteadyTime at);
  void EndLate();
  Link* FindIdle();

  Reactor& reactor_;
  Address address_;
  ReplyLimits limits_;
  RuntimeWatch watch_;
  Timer late_timer_;  // of the call that is late first, or of one before it
  SteadyTime late_timer_at_{};
  std::map<std::uint64_t, std::unique_ptr<Link>> links_;
  std::vector<std::uint64_t> idle_;
  std::uint64_t next_number_ = 1;
};

}  // namespace asya::relay
