// Resolving: finds the addresses of a host in the background, so that a name server that is silent holds nobody up.
#pragma once

#include <netdb.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/base/result.h"

namespace asya::transports::net {

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

// What became of a question: 0 and the addresses, or why there are none (EAI_*). To be called once, from any thread.
using Answer = std::function<void(int failure, Addresses found)>;
// Begins to look one name up; not 0 (EAI_*): it could not begin, and the answer is not called.
using Lookup = int (*)(const std::string& host, const std::string& port, Answer answer);
// By a thread a question: getaddrinfo knows no deadline but that of the system's resolver. getaddrinfo_a would save the
// thread, but answers on threads that ThreadSanitizer does not know.
int LookUp(const std::string& host, const std::string& port, Answer answer);

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
  static void Answered(State& state, int failure, Addresses found);
  std::shared_ptr<State> state_;
};

}  // namespace asya::transports::net
