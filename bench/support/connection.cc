#include "bench/support/connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace asya::bench {

void Die(const std::string& message) {
  std::fprintf(stderr, "bench: %s\n", message.c_str());
  std::exit(1);
}

Connection::Connection(const std::string& address, std::string token) : token_(std::move(token)) {
  const std::size_t colon = address.find(':');
  if (colon == std::string::npos) Die("an address without a port: " + address);
  socket_.Reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
  ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &peer.sin_addr);
  const int on = 1;
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(socket_.get(), reinterpret_cast<sockaddr*>(&peer), sizeof peer) != 0) Die("cannot connect");
}

void Connection::Send(const std::string& method, const std::string& path, const std::string& body) {
  const std::string request = method + " " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + token_ +
                              "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
                              "\r\n\r\n" + body;
  if (::send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
    Die("cannot send");
  }
}

std::string Connection::Read() {
  char piece[65536];
  const ssize_t got = ::recv(socket_.get(), piece, sizeof piece, 0);
  return {piece, got > 0 ? static_cast<std::size_t>(got) : 0};
}

void Connection::Begin(const std::string& path) { Send("GET", path, ""); }

std::string Connection::Call(const std::string& method, const std::string& path, const std::string& body) {
  Send(method, path, body);
  const auto more = [this] {
    const std::string piece = Read();
    if (piece.empty()) Die("the server closed the connection");
    buffer_ += piece;
  };
  std::size_t head_end = std::string::npos;
  while ((head_end = buffer_.find("\r\n\r\n")) == std::string::npos) more();
  const auto length_at = buffer_.find("Content-Length: ");
  if (length_at == std::string::npos || length_at > head_end) Die("an answer without length: " + buffer_);
  const std::size_t total = head_end + 4 + std::stoul(buffer_.substr(length_at + 16));
  while (buffer_.size() < total) more();
  std::string answer = buffer_.substr(head_end + 4, total - head_end - 4);
  if (buffer_.compare(0, 10, "HTTP/1.1 2") != 0) Die("refused: " + answer);
  buffer_.erase(0, total);
  return answer;
}

}  // namespace asya::bench
