// Connection: one kept HTTP connection to a server on this machine, one request at a time; what fails ends the program.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/unique_fd.h"

namespace asya::bench {

[[noreturn]] void Die(const std::string& message);

// Files in PEM form: who the server has to be signed by, and who the client is.
struct TlsFiles {
  std::string authority;
  std::string certificate;
  std::string key;
};

class Connection {
 public:
  // `address`: HOST:PORT, an IPv4 address. Plain HTTP; the token is left out when it is empty.
  Connection(const std::string& address, std::string token);
  // HTTP/1.1 over TLS with a client certificate; the server's must be for 127.0.0.1.
  Connection(const std::string& address, const TlsFiles& files);
  ~Connection();
  Connection(Connection&&) noexcept;

  // The body of the answer, up to its last byte; any status but 2xx ends the program with what was said.
  std::string Call(const std::string& method, const std::string& path, const std::string& body,
                   const std::string& content_type = "application/json", const std::string& accept = "");
  // The same of a GET, whose body is thrown away as it comes; how many bytes it had.
  std::size_t Drop(const std::string& path, const std::string& accept);
  // Sends a GET whose answer has no end; what follows is read with Read().
  void Begin(const std::string& path);
  // What came next, at least a byte; empty when the server has closed.
  std::string Read();

 private:
  struct Tls;

  void Send(const std::string& text);
  // Up to the end of the head of the answer to it.
  std::size_t Ask(const std::string& method, const std::string& path, const std::string& body,
                  const std::string& content_type, const std::string& accept);
  void More();
  // Of the answer at the beginning of the buffer.
  [[nodiscard]] bool IsGood() const;
  // Takes the body of an answer whose head ends at `head_end` out of the buffer, part by part; how many bytes it had.
  using Take = std::function<void(std::string_view part)>;
  std::size_t TakeBody(std::size_t head_end, const Take& take);
  void TakeBytes(std::size_t count, const Take& take);

  UniqueFd socket_;
  std::unique_ptr<Tls> tls_;
  std::string token_;
  std::string buffer_;
  std::string piece_;  // that is read into
};

}  // namespace asya::bench
