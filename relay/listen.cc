// The server's half of Stream: accepting connections.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/base/unique_fd.h"
#include "relay/reactor_state.h"
#include "relay/socket_address.h"
#include "relay/stream.h"
#include "relay/stream_state.h"
#include "transports/net/resolving.h"

namespace asya::relay {

struct Listener::State : std::enable_shared_from_this<Listener::State> {
  State(Reactor& its_reactor, std::function<void(std::unique_ptr<Stream>)> callback)
      : reactor(its_reactor), pause(its_reactor), on_stream(std::move(callback)) {}

  void Listen() {
    watch = std::make_unique<Watch>(reactor, socket.get(), [weak = weak_from_this()](bool, bool) {
      if (const auto self = weak.lock()) self->Accept();
    });
    watch->Want(true, false);
  }

  void Accept() {
    UniqueFd accepted(accept4(socket.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (accepted.valid()) {
      on_stream(std::make_unique<Stream>(std::make_shared<Stream::State>(reactor, std::move(accepted))));
      return;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ECONNABORTED) return;
    // Out of descriptors: trying again at once would spin.
    constexpr std::chrono::milliseconds kPause{100};
    watch->Want(false, false);
    pause.After(kPause, [this] { watch->Want(true, false); });
  }

  Reactor& reactor;
  Timer pause;
  std::function<void(std::unique_ptr<Stream>)> on_stream;
  UniqueFd socket;
  std::unique_ptr<Watch> watch;
  std::string path;
  int port = 0;
};

namespace {

Result<SocketAddress> SocketAddressFor(const Address& address) {
  if (address.is_unix()) {
    const auto found = UnixAddress(address.path);
    return found ? Result<SocketAddress>(*found) : SystemError("path", ENAMETOOLONG);
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  if (address.host.empty()) {
    const UniqueFd probe(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    hints.ai_family = probe.valid() ? AF_INET6 : AF_INET;
  }
  addrinfo* entries = nullptr;
  const char* const host = address.host.empty() ? nullptr : address.host.c_str();
  const int failed = getaddrinfo(host, address.port.c_str(), &hints, &entries);
  if (failed != 0) return Fail(ErrorCode::kUnavailable, gai_strerror(failed));
  const transports::net::Addresses found(entries);
  return SocketAddressOf(*found);
}

int PortOf(const UniqueFd& socket) {
  SocketAddress local;
  local.size = sizeof local.storage;
  if (getsockname(socket.get(), local.get(), &local.size) != 0) return 0;
  // The port stands at the same place in the addresses of both families.
  return ntohs(reinterpret_cast<const sockaddr_in*>(local.get())->sin_port);
}

Result<UniqueFd> OpenSocket(const Address& address) {
  ASYA_TRY(const SocketAddress at, SocketAddressFor(address));
  UniqueFd socket(::socket(at.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return SystemError("socket", errno);
  const int yes = 1;
  const int no = 0;
  if (address.is_unix()) {
    ::unlink(address.path.c_str());
  } else {
    setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  }
  if (at.family() == AF_INET6) setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
  if (bind(socket.get(), at.get(), at.size) != 0) return SystemError("bind", errno);
  if (listen(socket.get(), SOMAXCONN) != 0) return SystemError("listen", errno);
  return socket;
}

}  // namespace

Result<std::unique_ptr<Listener>> Listener::Open(Reactor& reactor, const Address& address,
                                                 std::function<void(std::unique_ptr<Stream>)> on_stream) {
  auto opened = OpenSocket(address);
  if (!opened.ok()) {
    const std::string where = address.is_unix() ? address.path : address.host + ":" + address.port;
    return Fail(ErrorCode::kUnavailable, "cannot listen on " + where + ": " + opened.error().message);
  }
  auto state = std::make_shared<State>(reactor, std::move(on_stream));
  state->path = address.path;
  state->socket = std::move(*opened);
  if (!address.is_unix()) state->port = PortOf(state->socket);
  state->Listen();
  return std::unique_ptr<Listener>(new Listener(std::move(state)));
}

Listener::~Listener() {
  const auto kept = state_;  // its callback may be what is running right now
  kept->pause.Cancel();
  kept->watch.reset();
  kept->socket.Reset();
  if (!kept->path.empty()) ::unlink(kept->path.c_str());
}

int Listener::port() const { return state_->port; }

}  // namespace asya::relay
