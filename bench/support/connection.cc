#include "bench/support/connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace asya::bench {
namespace {

constexpr std::size_t kReadBytes = 16 * 1024;  // a TLS record

UniqueFd Connect(const std::string& address) {
  const std::size_t colon = address.find(':');
  if (colon == std::string::npos) Die("an address without a port: " + address);
  UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
  ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &peer.sin_addr);
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&peer), sizeof peer) != 0) Die("cannot connect");
  return socket;
}

// The value of a header, by its name in any case; empty when it is not there.
std::string HeaderOf(const std::string& head, const std::string& name) {
  for (std::size_t line = head.find("\r\n"); line != std::string::npos; line = head.find("\r\n", line + 2)) {
    const std::size_t begin = line + 2;
    const std::string found = head.substr(begin, name.size());
    const bool same = std::equal(found.begin(), found.end(), name.begin(), name.end(), [](char a, char b) {
      return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
    });
    if (!same || head[begin + name.size()] != ':') continue;
    const std::size_t value = head.find_first_not_of(' ', begin + name.size() + 1);
    return head.substr(value, head.find("\r\n", value) - value);
  }
  return {};
}

}  // namespace

void Die(const std::string& message) {
  std::fprintf(stderr, "bench: %s\n", message.c_str());
  std::exit(1);
}

struct Connection::Tls {
  Tls(int socket, const TlsFiles& files) : context(SSL_CTX_new(TLS_client_method())), session(nullptr) {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    if (SSL_CTX_load_verify_locations(context, files.authority.c_str(), nullptr) != 1 ||
        SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
      Die("the files of the client's certificate cannot be read");
    }
    session = SSL_new(context);
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), "127.0.0.1");
    SSL_set_fd(session, socket);
    if (SSL_connect(session) != 1) Die("no TLS with the server");
  }
  ~Tls() {
    SSL_free(session);
    SSL_CTX_free(context);
  }
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;

  SSL_CTX* context;
  SSL* session;
};

Connection::Connection(const std::string& address, std::string token)
    : socket_(Connect(address)), token_(std::move(token)) {}

Connection::Connection(const std::string& address, const TlsFiles& files)
    : socket_(Connect(address)), tls_(std::make_unique<Tls>(socket_.get(), files)) {}

Connection::~Connection() = default;
Connection::Connection(Connection&&) noexcept = default;

void Connection::Send(const std::string& text) {
  const auto size = static_cast<ssize_t>(text.size());
  const ssize_t sent = tls_ ? SSL_write(tls_->session, text.data(), static_cast<int>(text.size()))
                            : ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
  if (sent != size) Die("cannot send");
}

std::string Connection::Read() {
  piece_.resize(kReadBytes);
  const ssize_t got = tls_ ? SSL_read(tls_->session, piece_.data(), static_cast<int>(piece_.size()))
                           : ::recv(socket_.get(), piece_.data(), piece_.size(), 0);
  return piece_.substr(0, got > 0 ? static_cast<std::size_t>(got) : 0);
}

void Connection::Begin(const std::string& path) {
  const std::string authorization = token_.empty() ? "" : "Authorization: Bearer " + token_ + "\r\n";
  Send("GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + authorization + "Accept: application/json\r\n\r\n");
}

std::size_t Connection::Ask(const std::string& method, const std::string& path, const std::string& body,
                            const std::string& content_type, const std::string& accept) {
  std::string request = method + " " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n";
  if (!token_.empty()) request += "Authorization: Bearer " + token_ + "\r\n";
  if (!accept.empty()) request += "Accept: " + accept + "\r\n";
  request += "Content-Type: " + content_type + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  Send(request + body);
  std::size_t head_end = std::string::npos;
  while ((head_end = buffer_.find("\r\n\r\n")) == std::string::npos) More();
  return head_end;
}

std::string Connection::Call(const std::string& method, const std::string& path, const std::string& body,
                             const std::string& content_type, const std::string& accept) {
  const std::size_t head_end = Ask(method, path, body, content_type, accept);
  const bool good = IsGood();
  std::string answer;
  TakeBody(head_end, [&answer](std::string_view part) { answer += part; });
  if (!good) Die("refused: " + answer);
  return answer;
}

std::size_t Connection::Drop(const std::string& path, const std::string& accept) {
  const std::size_t head_end = Ask("GET", path, "", "application/json", accept);
  const bool good = IsGood();
  std::string said;
  const std::size_t bytes = TakeBody(head_end, [&](std::string_view part) {
    if (!good) said += part;
  });
  if (!good) Die("refused: " + said);
  return bytes;
}

bool Connection::IsGood() const { return buffer_.compare(0, 10, "HTTP/1.1 2") == 0; }

void Connection::More() {
  const std::string piece = Read();
  if (piece.empty()) Die("the server closed the connection");
  buffer_ += piece;
}

std::size_t Connection::TakeBody(std::size_t head_end, const Take& take) {
  const std::string head = buffer_.substr(0, head_end + 2);
  buffer_.erase(0, head_end + 4);
  if (HeaderOf(head, "Transfer-Encoding") != "chunked") {
    const std::string length = head.starts_with("HTTP/1.1 204") ? "0" : HeaderOf(head, "Content-Length");
    if (length.empty()) Die("an answer without length: " + head);
    const std::size_t total = std::stoul(length);
    TakeBytes(total, take);
    return total;
  }
  std::size_t total = 0;
  for (;;) {
    std::size_t line_end = std::string::npos;
    while ((line_end = buffer_.find("\r\n")) == std::string::npos) More();
    const std::size_t size = std::stoul(buffer_.substr(0, line_end), nullptr, 16);
    buffer_.erase(0, line_end + 2);
    TakeBytes(size, take);
    TakeBytes(2, [](std::string_view) {});
    total += size;
    if (size == 0) return total;
  }
}

void Connection::TakeBytes(std::size_t count, const Take& take) {
  for (;;) {
    const std::size_t here = std::min(count, buffer_.size());
    take(std::string_view(buffer_).substr(0, here));
    buffer_.erase(0, here);
    count -= here;
    if (count == 0) return;
    More();
  }
}

}  // namespace asya::bench
