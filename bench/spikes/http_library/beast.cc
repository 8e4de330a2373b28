// The Boost.Beast half of the comparison: GET / answers 512 bytes, GET /watch streams lines from another thread.
#include <atomic>
#include <boost/asio.hpp>
#include <boost/beast.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "servers.h"

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;

class Session : public std::enable_shared_from_this<Session> {
 public:
  explicit Session(tcp::socket socket) : socket_(std::move(socket)) {}
  void Read() {
    request_ = {};
    http::async_read(socket_, buffer_, request_, [self = shared_from_this()](beast::error_code error, std::size_t) {
      if (!error) self->Answer();
    });
  }

 private:
  void Answer() {
    if (request_.target() == "/watch") return StartWatch();
    response_ = {http::status::ok, request_.version()};
    response_.body() = Body();
    response_.prepare_payload();
    http::async_write(socket_, response_, [self = shared_from_this()](beast::error_code error, std::size_t) {
      if (!error) self->Read();
    });
  }
  // Another thread makes the lines; only the socket's own executor touches the socket.
  void StartWatch() {
    const auto head = std::make_shared<std::string>("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    asio::async_write(socket_, asio::buffer(*head),
                      [self = shared_from_this(), head](beast::error_code, std::size_t) {});
    InBackground([self = shared_from_this()] {
      for (int line = 0; line < kWatchLines && !self->closed_.load(); ++line) {
        asio::post(self->socket_.get_executor(), [self] { self->WriteLine(); });
        std::this_thread::sleep_for(std::chrono::milliseconds(kWatchEveryMs));
      }
    });
  }
  void WriteLine() {
    if (writing_ || closed_.load()) return;
    writing_ = true;
    asio::async_write(socket_, asio::buffer("5\r\nline\n\r\n", 10),
                      [self = shared_from_this()](beast::error_code error, std::size_t) {
                        self->writing_ = false;
                        if (error) self->closed_ = true;
                      });
  }

  tcp::socket socket_;
  beast::flat_buffer buffer_;
  http::request<http::string_body> request_;
  http::response<http::string_body> response_;
  bool writing_ = false;
  std::atomic<bool> closed_{false};
};

void Accept(tcp::acceptor& acceptor, asio::io_context& context) {
  acceptor.async_accept(asio::make_strand(context), [&](beast::error_code error, tcp::socket socket) {
    if (!error) {
      socket.set_option(tcp::no_delay(true));
      std::make_shared<Session>(std::move(socket))->Read();
    }
    Accept(acceptor, context);
  });
}

}  // namespace

void ServeBeast(int port, int threads) {
  asio::io_context context(threads);
  tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(port)});
  Accept(acceptor, context);
  std::vector<std::jthread> others;
  for (int i = 1; i < threads; ++i) others.emplace_back([&] { context.run(); });
  context.run();
}
