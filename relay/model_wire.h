// ModelWire: one connection to a model server, with TLS where its URL says https, to an address that may be called.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "relay/endpoint.h"
#include "relay/reactor.h"

namespace asya::relay {

// Destroying it ends the connection; no callback comes afterwards.
class ModelWire {
 public:
  struct Events {
    std::function<void()> on_open;                  // what is written goes out from now on
    std::function<void(std::string_view)> on_data;  // lives until the call returns
    std::function<void(const Status&)> on_end;      // once; ok when the peer closed it in order. kForbidden,
                                                    // kUnauthorized: the address or the certificate is refused
  };

  ModelWire(Reactor& reactor, const Endpoint& endpoint, std::chrono::milliseconds connect_timeout, Events events);
  ~ModelWire();
  ModelWire(const ModelWire&) = delete;
  ModelWire& operator=(const ModelWire&) = delete;

  // After on_open only.
  void Write(std::string bytes);
  [[nodiscard]] bool opened() const;
  // False once the peer has ended the connection, asked from the kernel.
  [[nodiscard]] bool alive() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace asya::relay
