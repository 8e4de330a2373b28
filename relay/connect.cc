// The client's half of Stream: making a connection, with a deadline.
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "relay/reactor_state.h"
#include "relay/socket_address.h"
#include "relay/stream.h"
#include "relay/stream_state.h"
#include "transports/net/resolving.h"

namespace asya::relay {

namespace net = transports::net;

struct Connecting::State : std::enable_shared_from_this<Connecting::State> {
  State(Reactor& its_reactor, OnConnected callback)
      : reactor(its_reactor), timer(its_reactor), on_connected(std::move(callback)) {}

  void Resolve(const Address& address) {
    auto begun = net::Resolving::Begin(address.host.empty() ? "127.0.0.1" : address.host, address.port);
    if (!begun.ok()) {
      Finish(begun.error());
      return;
    }
    resolving = std::move(*begun);
    if (resolving->fd() < 0) {
      TakeAddresses();
      return;
    }
    watch = std::make_unique<Watch>(reactor, resolving->fd(), [self = shared_from_this()](bool, bool) {
      if (!self->done) self->TakeAddresses();
    });
    watch->Want(true, false);
  }

  void TakeAddresses() {
    auto found = resolving->Take();
    if (!found.ok()) {
      Finish(found.error());
      return;
    }
    if (!*found) return;
    watch.reset();
    Status refused = Ok();
    for (const addrinfo* entry = (*found)->get(); entry != nullptr; entry = entry->ai_next) {
      Status checked = check ? check(NumbersOf(*entry)) : Ok();
      if (checked.ok()) {
        endpoints.push_back(SocketAddressOf(*entry));
      } else {
        refused = std::move(checked);
      }
    }
    if (endpoints.empty() && !refused.ok()) {
      Finish(refused.error());
    } else {
      Next();
    }
  }

  // Tries the next of the endpoints; each name has at least one.
  void Next() {
    const SocketAddress& endpoint = endpoints.at(tried++);
    watch.reset();
    socket = UniqueFd(::socket(endpoint.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket.valid()) {
      Failed(errno);
    } else if (connect(socket.get(), endpoint.get(), endpoint.size) == 0) {
      Connected();
    } else if (errno != EINPROGRESS) {
      Failed(errno);
    } else {
      watch = std::make_unique<Watch>(reactor, socket.get(), [self = shared_from_this()](bool, bool) {
        if (!self->done) self->Answered();
      });
      watch->Want(false, true);
    }
  }

  void Answered() {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error == 0) {
      Connected();
    } else {
      Failed(error);
    }
  }

  void Connected() {
    watch.reset();
    Finish(std::make_unique<Stream>(std::make_shared<Stream::State>(reactor, std::move(socket))));
  }

  void Failed(int error) {
    if (tried < endpoints.size()) {
      Next();
    } else {
      Finish(SystemError("cannot connect", error));
    }
  }

  void Finish(Result<std::unique_ptr<Stream>> outcome) {
    GiveUp();
    const OnConnected callback = std::move(on_connected);
    on_connected = nullptr;
    if (callback) callback(std::move(outcome));
  }

  void GiveUp() {
    done = true;
    timer.Cancel();
    watch.reset();
    socket.Reset();
    resolving.reset();
  }

  Reactor& reactor;
  Timer timer;
  OnConnected on_connected;
  Check check;
  std::optional<net::Resolving> resolving;
  std::vector<SocketAddress> endpoints;
  std::size_t tried = 0;
  UniqueFd socket;
  std::unique_ptr<Watch> watch;
  bool done = false;
};

Connecting::Connecting(Reactor& reactor, const Address& address, std::chrono::milliseconds timeout,
                       OnConnected on_connected, Check check)
    : state_(std::make_shared<State>(reactor, std::move(on_connected))) {
  state_->check = std::move(check);
  state_->timer.After(timeout, [weak = std::weak_ptr<State>(state_)] {
    const auto self = weak.lock();
    if (self && !self->done) self->Finish(Fail(ErrorCode::kTimeout, "cannot connect: timed out"));
  });
  // The callback comes later, also where everything is known at once.
  reactor.Post([weak = std::weak_ptr<State>(state_), address] {
    const auto self = weak.lock();
    if (!self || self->done) return;
    if (!address.is_unix()) {
      self->Resolve(address);
    } else if (const auto endpoint = UnixAddress(address.path)) {
      self->endpoints.push_back(*endpoint);
      self->Next();
    } else {
      self->Finish(SystemError("cannot connect", ENAMETOOLONG));
    }
  });
}

Connecting::~Connecting() {
  state_->on_connected = nullptr;
  state_->GiveUp();
}

}  // namespace asya::relay
