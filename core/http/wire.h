// Wire: the bytes of one connection, plain or TLS, for Connection. Internal to core/http.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/http/message.h"

namespace asya::http {

class Connection;
using Socket = boost::asio::generic::stream_protocol::socket;

// Used on the connection's loop only. One read and one write may be pending; each ends in Connection::OnRead or
// OnWritten.
class Wire {
 public:
  virtual ~Wire() = default;
  virtual void Read(char* data, std::size_t size, std::shared_ptr<Connection> connection) = 0;
  // The bytes must stay until OnWritten.
  virtual void Write(std::string_view first, std::string_view second, std::shared_ptr<Connection> connection) = 0;
  // Tells the peer that nothing follows; ends in Connection::OnFinished (TLS) or at once.
  virtual void Finish(std::shared_ptr<Connection> connection) = 0;
  virtual void Close() = 0;
  // After the handshake: the certificate that the peer has shown, null where there is none; kUnauthorized with the
  // reason where it is not to be trusted by the authorities of `judge`, which may be newer than the handshake.
  virtual Result<std::shared_ptr<const ClientCertificate>> ReadClientCertificate(boost::asio::ssl::context& judge) = 0;
  // The socket, to be wrapped by another wire.
  virtual Socket Release() = 0;
};

std::unique_ptr<Wire> MakePlainWire(Socket socket);
// Does the server's side of the handshake, whose first bytes were read already; ends in Connection::OnHandshake.
std::unique_ptr<Wire> MakeTlsWire(Socket socket, std::shared_ptr<boost::asio::ssl::context> context,
                                  std::string first_bytes, std::shared_ptr<Connection> connection);

}  // namespace asya::http
