// Notifier: tells the supervising process about readiness and load by sd_notify datagrams.
#pragma once

#include <cerrno>
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
  [[nodiscard]] bool behind() const { return IsBehind(state_) || IsBehind(load_); }
  // True when they could not be sent, because nobody listens: that may last for ever.
  [[nodiscard]] bool unheard() const { return IsUnheard(state_) || IsUnheard(load_); }

 private:
  struct Said {
    std::string last;
    int error = 0;  // of what is to be said now
  };
  static bool IsBehind(const Said& said) { return said.error == EAGAIN || said.error == ENOBUFS; }
  static bool IsUnheard(const Said& said) { return said.error != 0 && !IsBehind(said); }
  void Send(const std::string& text, Said& said);

  UniqueFd socket_;
  std::string address_;
  Said state_;
  Said load_;
};

}  // namespace asya::relay
