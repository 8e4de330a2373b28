// Notifier: tells the supervising process about readiness and load by sd_notify datagrams.
#pragma once

#include <cstddef>
#include <string>

#include "core/base/unique_fd.h"

namespace asya::relay {

// Each state is sent once, when it changes. Without a socket it does nothing.
class Notifier {
 public:
  // A path, or "@name" for an abstract socket; empty for none.
  explicit Notifier(const std::string& socket);
  // `failed`: it will not get ready by waiting, e.g. since the handler does not load (X_ASYA_FAILED=1).
  void Ready(bool ready, const std::string& status, bool failed);
  void InFlight(std::size_t count);
  // True when the last states could not be sent, because the other side did not keep up: say them again later.
  [[nodiscard]] bool behind() const { return behind_; }

 private:
  void Send(const std::string& text, std::string& last);

  UniqueFd socket_;
  std::string address_;
  std::string last_state_;
  std::string last_load_;
  bool behind_ = false;
};

}  // namespace asya::relay
