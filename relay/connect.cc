// The client's half of Stream: making a connection, with a deadline.
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <utility>

#include "relay/reactor_state.h"
#include "relay/stream.h"
#include "relay/stream_state.h"

namespace asya::relay {

namespace asio = boost::asio;
using Endpoint = asio::generic::stream_protocol::endpoint;

struct Connecting::State : std::enable_shared_from_this<Connecting::State> {
  State(Reactor& reactor, OnConnected callback)
      : socket(reactor.state().context),
        resolver(reactor.state().context),
        timer(reactor),
        on_connected(std::move(callback)) {}

  void Resolve(const Address& address) {
    const std::string host = address.host.empty() ? "127.0.0.1" : address.host;
    resolver.async_resolve(host, address.port,
                           [self = shared_from_this()](const boost::system::error_code& error,
                                                       const asio::ip::tcp::resolver::results_type& found) {
                             if (self->done) return;
                             if (error) {
                               self->Finish(ErrorOf("name not resolved", error));
                               return;
                             }
                             self->TakeFound(found);
                           });
  }

  void TakeFound(const asio::ip::tcp::resolver::results_type& found) {
    Status refused = Ok();
    for (const auto& entry : found) {
      Status checked = check ? check(entry.endpoint().address().to_string()) : Ok();
      if (checked.ok()) {
        endpoints.emplace_back(entry.endpoint());
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
    const Endpoint endpoint = endpoints.at(tried++);
    boost::system::error_code ignored;
    socket.close(ignored);
    socket.async_connect(endpoint, [self = shared_from_this()](const boost::system::error_code& error) {
      if (self->done) return;
      if (!error) {
        self->Finish(std::make_unique<Stream>(std::make_shared<Stream::State>(std::move(self->socket))));
      } else if (self->tried < self->endpoints.size()) {
        self->Next();
      } else {
        self->Finish(ErrorOf("cannot connect", error));
      }
    });
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
    resolver.cancel();
    boost::system::error_code ignored;
    socket.close(ignored);
  }

  Socket socket;
  asio::ip::tcp::resolver resolver;
  Timer timer;
  OnConnected on_connected;
  Check check;
  std::vector<Endpoint> endpoints;
  std::size_t tried = 0;
  bool done = false;
};

Connecting::Connecting(Reactor& reactor, const Address& address, std::chrono::milliseconds timeout,
                       OnConnected on_connected, Check check)
    : state_(std::make_shared<State>(reactor, std::move(on_connected))) {
  state_->check = std::move(check);
  state_->timer.After(timeout, [state = std::weak_ptr<State>(state_)] {
    const auto self = state.lock();
    if (self && !self->done) self->Finish(Fail(ErrorCode::kTimeout, "cannot connect: timed out"));
  });
  if (address.is_unix()) {
    state_->endpoints.emplace_back(asio::local::stream_protocol::endpoint(address.path));
    state_->Next();
  } else {
    state_->Resolve(address);
  }
}

Connecting::~Connecting() {
  state_->on_connected = nullptr;
  state_->GiveUp();
}

}  // namespace asya::relay
