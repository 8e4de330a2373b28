// NotifySocket: where a relay reports its state, in the datagram format of sd_notify.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/base/unique_fd.h"

namespace asya::cluster::local {

// What one datagram says; what it does not mention is nullopt.
struct Notification {
  std::optional<bool> ready;              // READY=
  std::optional<std::string> status;      // STATUS=
  std::optional<std::int64_t> in_flight;  // X_ASYA_IN_FLIGHT=
  std::optional<bool> failed;             // X_ASYA_FAILED=: it will not get ready by waiting
};

Notification ParseNotification(std::string_view datagram);

class NotifySocket {
 public:
  // Makes the socket at `path`, which must not exist.
  static Result<NotifySocket> Bind(const std::string& path);
  [[nodiscard]] int fd() const { return fd_.get(); }
  // The next datagram; nullopt when none waits.
  std::optional<Notification> Receive();

 private:
  explicit NotifySocket(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace asya::cluster::local
