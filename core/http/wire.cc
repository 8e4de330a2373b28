#include "core/http/wire.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "core/http/client_certificate.h"
#include "core/http/connection.h"

namespace asya::http {
namespace asio = boost::asio;
using boost::system::error_code;

namespace {

std::array<asio::const_buffer, 2> Buffers(std::string_view first, std::string_view second) {
  return {asio::const_buffer(first.data(), first.size()), asio::const_buffer(second.data(), second.size())};
}

class PlainWire final : public Wire {
 public:
  explicit PlainWire(Socket socket) : socket_(std::move(socket)) {}

  void Read(char* data, std::size_t size, std::shared_ptr<Connection> connection) override {
    socket_.async_read_some(asio::buffer(data, size),
                            [c = std::move(connection)](error_code error, std::size_t got) { c->OnRead(error, got); });
  }
  void Write(std::string_view first, std::string_view second, std::shared_ptr<Connection> connection) override {
    asio::async_write(socket_, Buffers(first, second),
                      [c = std::move(connection)](error_code error, std::size_t) { c->OnWritten(error); });
  }
  void Finish(std::shared_ptr<Connection> connection) override {
    error_code ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
    connection->OnFinished();
  }
  void Close() override {
    error_code ignored;
    socket_.close(ignored);
  }
  Result<std::shared_ptr<const ClientCertificate>> ReadClientCertificate(asio::ssl::context& /*judge*/) override {
    return std::shared_ptr<const ClientCertificate>();
  }
  Socket Release() override { return std::move(socket_); }

 private:
  Socket socket_;
};

class TlsWire final : public Wire {
 public:
  TlsWire(Socket socket, std::shared_ptr<asio::ssl::context> context, std::string first_bytes)
      : context_(std::move(context)), stream_(std::move(socket), *context_), first_bytes_(std::move(first_bytes)) {}

  void Handshake(std::shared_ptr<Connection> connection) {
    stream_.async_handshake(asio::ssl::stream_base::server, asio::buffer(first_bytes_),
                            [c = std::move(connection)](error_code error, std::size_t) { c->OnHandshake(error); });
  }
  void Read(char* data, std::size_t size, std::shared_ptr<Connection> connection) override {
    stream_.async_read_some(asio::buffer(data, size),
                            [c = std::move(connection)](error_code error, std::size_t got) { c->OnRead(error, got); });
  }
  void Write(std::string_view first, std::string_view second, std::shared_ptr<Connection> connection) override {
    asio::async_write(stream_, Buffers(first, second),
                      [c = std::move(connection)](error_code error, std::size_t) { c->OnWritten(error); });
  }
  void Finish(std::shared_ptr<Connection> connection) override {
    stream_.async_shutdown([c = std::move(connection)](error_code) { c->OnFinished(); });
  }
  void Close() override {
    error_code ignored;
    stream_.next_layer().close(ignored);
  }
  Result<std::shared_ptr<const ClientCertificate>> ReadClientCertificate(asio::ssl::context& judge) override {
    return VerifiedCertificate(stream_.native_handle(), judge.native_handle());
  }
  Socket Release() override { return std::move(stream_.next_layer()); }

 private:
  const std::shared_ptr<asio::ssl::context> context_;  // others may have another one by now
  asio::ssl::stream<Socket> stream_;
  std::string first_bytes_;
};

}  // namespace

std::unique_ptr<Wire> MakePlainWire(Socket socket) { return std::make_unique<PlainWire>(std::move(socket)); }

std::unique_ptr<Wire> MakeTlsWire(Socket socket, std::shared_ptr<asio::ssl::context> context, std::string first_bytes,
                                  std::shared_ptr<Connection> connection) {
  auto wire = std::make_unique<TlsWire>(std::move(socket), std::move(context), std::move(first_bytes));
  wire->Handshake(std::move(connection));
  return wire;
}

}  // namespace asya::http
