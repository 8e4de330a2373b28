// ModelServer: has envelopes handled by an HTTP model server, by the same rules as by a runtime: what it refuses is an
// error with a type, what cuts a call off is a crash, and while it cannot be reached nothing is taken.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/random.h"
#include "relay/callee.h"
#include "relay/endpoint.h"
#include "relay/model_reply.h"
#include "relay/reactor.h"
#include "relay/wire.h"

namespace asya::relay {

struct ModelServerLimits {
  std::chrono::milliseconds connect_timeout{5000};  // with TLS
  std::chrono::milliseconds idle{30'000};           // a connection is kept so long; some networks forget it silently
  std::chrono::milliseconds first_pause{200};       // before it is tried again whether the server is there
  std::chrono::milliseconds longest_pause{5000};
};

class ModelServer final : public Callee {
 public:
  ModelServer(Reactor& reactor, Endpoint endpoint, const ReplyLimits& replies, const ModelServerLimits& limits,
              const Clock& clock, Random& random);
  ~ModelServer() override;
  ModelServer(const ModelServer&) = delete;
  ModelServer& operator=(const ModelServer&) = delete;

  // Ready once it could be connected to; no request is sent for that.
  void Start(OnState on_change) override;
  [[nodiscard]] const RuntimeState& state() const override { return state_; }
  void Invoke(std::string body, std::chrono::microseconds timeout, CallListener& listener,
              OnFinished on_finished) override;

 private:
  struct Link;
  Link& NewLink();
  void Connect(Link& link);
  Link* FindIdle();
  Link* FindConnecting();
  void Opened(Link& link);
  void TakeData(Link& link, std::string_view bytes);
  void TakeEnd(Link& link, const Status& status);
  void TimedOut(Link& link);
  void Rest(Link& link);
  // What becomes of the connection.
  enum class Then { kEnd, kRest, kConnect };
  void Finish(Link& link, Finished finished, Then then);
  void Away(const Error& error);
  void Change(RuntimeState state);

  Reactor& reactor_;
  const Endpoint endpoint_;
  const ReplyLimits replies_;
  const ModelServerLimits limits_;
  const Clock& clock_;
  Random& random_;
  OnState on_change_;
  RuntimeState state_;
  Timer again_;
  std::chrono::milliseconds pause_;
  std::map<std::uint64_t, std::unique_ptr<Link>> links_;
  std::vector<std::uint64_t> idle_;
  std::uint64_t next_number_ = 1;
};

}  // namespace asya::relay
