// Stream: one connection to a peer, on the reactor's thread; reads as long as it is open, so that its end is seen at
// once.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "relay/address.h"
#include "relay/reactor.h"

namespace asya::relay {

// Destroying or closing it ends the connection; no callback comes afterwards.
class Stream {
 public:
  // Every piece that arrives; the view lives until the call returns.
  using OnData = std::function<void(std::string_view)>;
  // The connection is over: ok when the peer closed it in order. Once, and never after Close().
  using OnEnd = std::function<void(Status)>;

  struct State;
  explicit Stream(std::shared_ptr<State> state) : state_(std::move(state)) {}
  ~Stream() { Close(); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  void Read(OnData on_data, OnEnd on_end);
  // Sends in the order of the calls; a failure shows in OnEnd. What the system takes at once is not copied.
  void Write(std::string_view bytes);
  // Ends the connection after everything written has gone out.
  void CloseAfterWrites();
  void Close();
  // Bytes that the peer has taken since the stream was made.
  [[nodiscard]] std::uint64_t bytes_sent() const;
  // False once the peer has ended or reset the connection, asked from the kernel: faster than OnEnd.
  [[nodiscard]] bool open() const;
  // True once the system has refused to send: nothing more goes out, and OnEnd follows.
  [[nodiscard]] bool refused() const;

 private:
  std::shared_ptr<State> state_;
};

using OnConnected = std::function<void(Result<std::unique_ptr<Stream>>)>;

// A connection being made; destroying it gives up.
class Connecting {
 public:
  struct State;
  // Asked for every address of a name, in numbers; those with an error are not connected to.
  using Check = std::function<Status(const std::string& ip)>;
  Connecting(Reactor& reactor, const Address& address, std::chrono::milliseconds timeout, OnConnected on_connected,
             Check check = nullptr);
  ~Connecting();
  Connecting(const Connecting&) = delete;
  Connecting& operator=(const Connecting&) = delete;

 private:
  std::shared_ptr<State> state_;
};

// Accepts connections until destroyed. A left-over socket file is replaced.
class Listener {
 public:
  static Result<std::unique_ptr<Listener>> Open(Reactor& reactor, const Address& address,
                                                std::function<void(std::unique_ptr<Stream>)> on_stream);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  // The TCP port, which the system chose if the address said 0; 0 for a Unix socket.
  [[nodiscard]] int port() const;

 private:
  struct State;
  explicit Listener(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

}  // namespace asya::relay
