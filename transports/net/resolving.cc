#include "transports/net/resolving.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <utility>

#include "core/base/unique_fd.h"

namespace asya::transports::net {

struct Resolving::State {
  std::string host;
  std::string port;
  addrinfo hints{};
  gaicb request{};
  UniqueFd event;
  std::mutex mutex;  // of what follows
  bool answered = false;
  int failure = 0;
  Addresses found;
};

int LookUp(gaicb* request, sigevent* done) {
  gaicb* requests[] = {request};
  return getaddrinfo_a(GAI_NOWAIT, requests, 1, done);
}

Result<Resolving> Resolving::Begin(const std::string& host, const std::string& port, Lookup lookup) {
  auto state = std::make_shared<State>();
  state->host = host;
  state->port = port;
  state->hints.ai_socktype = SOCK_STREAM;
  state->hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (getaddrinfo(state->host.c_str(), state->port.c_str(), &state->hints, &found) == 0) {
    state->found.reset(found);
    state->answered = true;
    return Resolving(std::move(state));
  }
  state->event = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!state->event.valid()) return Fail(ErrorCode::kUnavailable, std::string("eventfd: ") + std::strerror(errno));
  state->hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
  state->request.ar_name = state->host.c_str();
  state->request.ar_service = state->port.c_str();
  state->request.ar_request = &state->hints;
  // The question keeps the state until it is answered, whoever is still interested.
  auto kept = std::make_unique<std::shared_ptr<State>>(state);
  sigevent done{};
  done.sigev_notify = SIGEV_THREAD;
  done.sigev_notify_function = Answered;
  done.sigev_value.sival_ptr = kept.get();
  if (const int failed = lookup(&state->request, &done); failed != 0) {
    return Fail(ErrorCode::kUnavailable, "host " + host + ": " + gai_strerror(failed));
  }
  static_cast<void>(kept.release());
  return Resolving(std::move(state));
}

void Resolving::Answered(sigval value) {
  const std::unique_ptr<std::shared_ptr<State>> kept(static_cast<std::shared_ptr<State>*>(value.sival_ptr));
  State& state = **kept;
  const std::lock_guard lock(state.mutex);
  state.failure = gai_error(&state.request);
  state.found.reset(state.request.ar_result);
  state.answered = true;
  const std::uint64_t one = 1;
  static_cast<void>(!write(state.event.get(), &one, sizeof one));
}

int Resolving::fd() const { return state_->event.get(); }

Result<std::optional<Addresses>> Resolving::Take() {
  const std::lock_guard lock(state_->mutex);
  if (!state_->answered) return std::optional<Addresses>();
  if (state_->failure != 0) {
    return Fail(ErrorCode::kUnavailable, "host " + state_->host + ": " + gai_strerror(state_->failure));
  }
  return std::optional<Addresses>(std::move(state_->found));
}

}  // namespace asya::transports::net
