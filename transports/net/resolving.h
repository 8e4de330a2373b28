// Resolving: finds the addresses of a host in the background, so that a name server that is silent holds nobody up.
#pragma once

#include <netdb.h>

#include <csignal>
#include <memory>
#include <optional>
#include <string>

#include "core/base/result.h"

namespace asya::transports::net {

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

// Begins to look one name up and says by `done` when it is over; not 0: it could not begin.
using Lookup = int (*)(gaicb* request, sigevent* done);
// By threads of the system's own (getaddrinfo_a).
int LookUp(gaicb* request, sigevent* done);

class Resolving {
 public:
  // Numbers are read at once, names looked up in the background. Whoever loses interest destroys this; the question
  // ends by the limits of the system's resolver.
  static Result<Resolving> Begin(const std::string& host, const std::string& port, Lookup lookup = LookUp);

  // Readable once there is an answer; -1 if there is one already.
  [[nodiscard]] int fd() const;
  // The addresses, once; nullopt while there is no answer. kUnavailable: the host is not known.
  Result<std::optional<Addresses>> Take();

 private:
  struct State;
  explicit Resolving(std::shared_ptr<State> state) : state_(std::move(state)) {}
  static void Answered(sigval value);
  std::shared_ptr<State> state_;
};

}  // namespace asya::transports::net
