// Wire: one connection to a peer, with TLS where it is asked for, to an address that may be called.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "relay/address.h"
#include "relay/reactor.h"
#include "relay/stream.h"

namespace asya::relay {

// Destroying it ends the connection; no callback comes afterwards.
class Wire {
 public:
  struct Events {
    std::function<void()> on_open;                  // what is written goes out from now on
    std::function<void(std::string_view)> on_data;  // lives until the call returns
    std::function<void(const Status&)> on_end;      // once; ok when the peer closed it in order. kForbidden,
                                                    // kUnauthorized: the address or the certificate is refused
  };

  struct Target {
    Address address;
    bool tls = false;
    std::string ca_pem{};       // whom TLS trusts; empty: the system's certificates
    Connecting::Check check{};  // none: each address may be called
  };

  Wire(Reactor& reactor, Target target, std::chrono::milliseconds connect_timeout, Events events);
  ~Wire();
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  // After on_open only.
  void Write(std::string_view bytes);
  [[nodiscard]] bool opened() const;
  // False once the peer has ended the connection, asked from the kernel.
  [[nodiscard]] bool alive() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace asya::relay
