// The server's half of Stream: accepting connections.
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cstring>
#include <utility>

#include "core/base/unique_fd.h"
#include "relay/reactor_state.h"
#include "relay/stream.h"
#include "relay/stream_state.h"

namespace asya::relay {

namespace asio = boost::asio;
using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol>;
using Endpoint = asio::generic::stream_protocol::endpoint;

struct Listener::State : std::enable_shared_from_this<Listener::State> {
  State(Reactor& reactor, std::function<void(std::unique_ptr<Stream>)> callback)
      : acceptor(reactor.state().context), pause(reactor), on_stream(std::move(callback)) {}

  void Accept() {
    acceptor.async_accept([self = shared_from_this()](const boost::system::error_code& error, Socket socket) {
      if (self->closed) return;
      if (error) {
        // Out of descriptors: trying again at once would spin.
        constexpr std::chrono::milliseconds kPause{100};
        self->pause.After(kPause, [self] { self->Accept(); });
        return;
      }
      self->on_stream(std::make_unique<Stream>(std::make_shared<Stream::State>(std::move(socket))));
      self->Accept();
    });
  }

  Acceptor acceptor;
  Timer pause;
  std::function<void(std::unique_ptr<Stream>)> on_stream;
  std::string path;
  int port = 0;
  bool closed = false;
};

namespace {

Endpoint EndpointOf(Reactor& reactor, const Address& address) {
  if (address.is_unix()) return asio::local::stream_protocol::endpoint(address.path);
  if (address.host.empty()) {
    const UniqueFd probe(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto family = probe.valid() ? asio::ip::tcp::v6() : asio::ip::tcp::v4();
    return asio::ip::tcp::endpoint(family, static_cast<std::uint16_t>(std::stoi(address.port)));
  }
  asio::ip::tcp::resolver resolver(reactor.state().context);
  return resolver.resolve(address.host, address.port, asio::ip::resolver_base::passive).begin()->endpoint();
}

}  // namespace

Result<std::unique_ptr<Listener>> Listener::Open(Reactor& reactor, const Address& address,
                                                 std::function<void(std::unique_ptr<Stream>)> on_stream) {
  auto state = std::make_shared<State>(reactor, std::move(on_stream));
  state->path = address.path;
  try {
    const Endpoint endpoint = EndpointOf(reactor, address);
    state->acceptor.open(endpoint.protocol());
    if (address.is_unix()) {
      ::unlink(address.path.c_str());
    } else {
      state->acceptor.set_option(asio::socket_base::reuse_address(true));
    }
    state->acceptor.bind(endpoint);
    state->acceptor.listen();
    if (!address.is_unix()) {
      asio::ip::tcp::endpoint bound;
      const Endpoint local = state->acceptor.local_endpoint();
      std::memcpy(bound.data(), local.data(), local.size());
      state->port = bound.port();
    }
  } catch (const boost::system::system_error& error) {
    const std::string where = address.is_unix() ? address.path : address.host + ":" + address.port;
    return Fail(ErrorCode::kUnavailable, "cannot listen on " + where + ": " + error.code().message());
  }
  state->Accept();
  return std::unique_ptr<Listener>(new Listener(std::move(state)));
}

Listener::~Listener() {
  state_->closed = true;
  state_->pause.Cancel();
  boost::system::error_code ignored;
  state_->acceptor.close(ignored);
  if (!state_->path.empty()) ::unlink(state_->path.c_str());
}

int Listener::port() const { return state_->port; }

}  // namespace asya::relay
