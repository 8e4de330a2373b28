// RuntimeWatch: knows whether the runtime can take calls, and if not, why.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "relay/callee.h"
#include "relay/http_client.h"
#include "relay/line_feed.h"

namespace asya::relay {

// Follows the supervisor's feed. A runtime without one (no health socket) is asked on its own socket instead.
class RuntimeWatch final : public LineFeed::Reader {
 public:
  RuntimeWatch(Reactor& reactor, const std::string& socket_dir, Random& random);
  void Start(Callee::OnState on_change);
  [[nodiscard]] const RuntimeState& state() const { return state_; }

  Status OnBody(std::string_view piece) override;
  void OnDisconnected(const std::string& reason) override;

 private:
  void Change(RuntimeState state);
  Status TakeLine(std::string_view line);
  void AskRuntime(const std::string& reason);

  Callee::OnState on_change_;
  LineFeed feed_;
  HttpClient direct_;
  RuntimeState state_;
  bool following_ = false;  // the feed has said something since it was connected
  std::string line_;
};

}  // namespace asya::relay
