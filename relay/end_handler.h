// EndHandler: x-sink and x-sump without a runtime, where they keep no files: what their Python does (crew/), done by
// the relay itself. Every envelope of a namespace passes here, so a call of Python's would be a large part of its cost.
#pragma once

#include <string>
#include <vector>

#include "model/envelope.h"
#include "relay/callee.h"
#include "relay/reactor.h"

namespace asya::relay {

struct EndRules {
  std::string sump;                // where failures go on to
  std::vector<std::string> hooks;  // actors that see each envelope after x-sink
  bool hooks_for_children = false;
  bool is_sump = false;  // everything ends here
};

// "a, b" as the crew reads ASYA_SINK_HOOKS.
std::vector<std::string> ParseHooks(const std::string& text);

// Where the route goes on from the end; empty: nowhere.
std::vector<std::string> RouteFromEnd(const model::Envelope& envelope, const EndRules& rules);

class EndHandler final : public Callee {
 public:
  EndHandler(Reactor& reactor, EndRules rules) : reactor_(reactor), rules_(std::move(rules)) {}

  void Start(OnState on_change) override;
  [[nodiscard]] const RuntimeState& state() const override { return state_; }
  void Invoke(std::string body, std::chrono::microseconds timeout, CallListener& listener,
              OnFinished on_finished) override;

 private:
  Reactor& reactor_;
  const EndRules rules_;
  RuntimeState state_;
};

}  // namespace asya::relay
