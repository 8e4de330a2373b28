#include "transports/net/resolving.h"

#include <pthread.h>
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
  UniqueFd event;
  std::mutex mutex;  // of what follows
  bool answered = false;
  int failure = 0;
  Addresses found;
};

namespace {

struct Question {
  std::string host;
  std::string port;
  Answer answer;
};

void* Ask(void* argument) {
  const std::unique_ptr<Question> question(static_cast<Question*>(argument));
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failure = getaddrinfo(question->host.c_str(), question->port.c_str(), &hints, &found);
  question->answer(failure, Addresses(failure == 0 ? found : nullptr));
  return nullptr;
}

}  // namespace

// Nothing ends a getaddrinfo, so that joining its thread would be the wait that this is to avoid.
int LookUp(const std::string& host, const std::string& port, Answer answer) {
  auto question = std::make_unique<Question>(Question{host, port, std::move(answer)});
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread{};
  const int failed = pthread_create(&thread, &attributes, Ask, question.get());
  pthread_attr_destroy(&attributes);
  if (failed != 0) return EAI_AGAIN;
  static_cast<void>(question.release());
  return 0;
}

Result<Resolving> Resolving::Begin(const std::string& host, const std::string& port, Lookup lookup) {
  auto state = std::make_shared<State>();
  state->host = host;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), port.c_str(), &hints, &found) == 0) {
    state->found.reset(found);
    state->answered = true;
    return Resolving(std::move(state));
  }
  state->event = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!state->event.valid()) return Fail(ErrorCode::kUnavailable, std::string("eventfd: ") + std::strerror(errno));
  // The question keeps the state until it is answered, whoever is still interested.
  const int failed = lookup(
      host, port, [state](int failure, Addresses addresses) { Answered(*state, failure, std::move(addresses)); });
  if (failed != 0) return Fail(ErrorCode::kUnavailable, "host " + host + ": " + gai_strerror(failed));
  return Resolving(std::move(state));
}

void Resolving::Answered(State& state, int failure, Addresses found) {
  const std::lock_guard lock(state.mutex);
  state.failure = failure;
  state.found = std::move(found);
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
