// Stream::State: the socket behind a stream, for the files here that make one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/unique_fd.h"
#include "relay/reactor.h"
#include "relay/stream.h"

namespace asya::relay {

struct Stream::State : std::enable_shared_from_this<Stream::State> {
  // The socket is connected and does not block.
  State(Reactor& its_reactor, UniqueFd connected) : reactor(its_reactor), socket(std::move(connected)) {}
  void Listen();
  void Ready(bool readable, bool writable);
  void ReadSome();
  // How much of it the system took.
  std::size_t SendSome(std::string_view bytes);
  void Flush();
  void End(const Status& status);
  void EndLater();

  Reactor& reactor;
  UniqueFd socket;
  std::unique_ptr<Watch> watch;
  [[nodiscard]] bool has_unsent() const { return unsent_from < unsent.size(); }
  std::string unsent;
  std::size_t unsent_from = 0;
  std::uint64_t bytes_sent = 0;
  OnData on_data;
  OnEnd on_end;
  std::optional<Error> refusal;  // why nothing more can be sent
  bool reading = false;
  bool closed = false;
  bool close_after_writes = false;
};

// Of the last call of the system that failed.
Error SystemError(const std::string& doing, int error);

}  // namespace asya::relay
