// Transfers: HTTP calls of one thread, many under way at once, each with a deadline (libcurl behind it).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "core/base/result.h"
#include "core/http/client.h"

namespace asya::http {

// All methods but Wake() are for one thread. Calls wait for nothing but each other: how many are under way is the
// caller's to bound.
class Transfers {
 public:
  using Id = std::uint64_t;
  using Done = std::function<void(Result<ClientResponse>)>;

  // `connections_max`: kept open at most, in use or not; calls above it wait for one.
  explicit Transfers(std::size_t connections_max);
  ~Transfers();
  Transfers(const Transfers&) = delete;
  Transfers& operator=(const Transfers&) = delete;

  // `done` comes out of a later Turn(), with the outcomes of Client::Call. on_body, where given, comes out of it too.
  Id Begin(ClientRequest request, Done done);
  // Breaks it off and closes its connection; its `done` never comes. One that has ended is let be.
  void Cancel(Id id);
  // Waits until something happens, somebody wakes it, or `limit` has passed; then tells of what has ended.
  void Turn(std::chrono::milliseconds limit);
  // Ends the present or the next wait. From any thread.
  void Wake();
  [[nodiscard]] std::size_t count() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace asya::http
