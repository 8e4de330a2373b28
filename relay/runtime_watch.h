// RuntimeWatch: knows whether the runtime can take calls, and if not, why.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "relay/http_client.h"
#include "relay/line_feed.h"

namespace asya::relay {

struct RuntimeState {
  enum class Kind { kAbsent, kLoading, kReady, kFailed };
  Kind kind = Kind::kAbsent;
  std::string text;  // for a person: what is wrong, with file and line where they are known
  friend bool operator==(const RuntimeState&, const RuntimeState&) = default;
};

// Follows the supervisor's feed. A runtime without one (no health socket) is asked on its own socket instead.
class RuntimeWatch final : public LineFeed::Reader {
 public:
  using OnChange = std::function<void(const RuntimeState&)>;

  RuntimeWatch(Reactor& reactor, const std::string& socket_dir, Random& random, OnChange on_change);
  void Start() { feed_.Start(); }
  [[nodiscard]] const RuntimeState& state() const { return state_; }

  Status OnBody(std::string_view piece) override;
  void OnDisconnected(const std::string& reason) override;

 private:
  void Change(RuntimeState state);
  Status TakeLine(std::string_view line);
  void AskRuntime(const std::string& reason);

  OnChange on_change_;
  LineFeed feed_;
  HttpClient direct_;
  RuntimeState state_;
  std::string line_;
};

}  // namespace asya::relay
