// Connection: one kept HTTP connection to a server on this machine, one request at a time; what fails ends the program.
#pragma once

#include <string>

#include "core/base/unique_fd.h"

namespace asya::bench {

[[noreturn]] void Die(const std::string& message);

class Connection {
 public:
  // `address`: HOST:PORT, an IPv4 address.
  Connection(const std::string& address, std::string token);

  // The body of the answer; any status but 2xx ends the program with what was said.
  std::string Call(const std::string& method, const std::string& path, const std::string& body);
  // Sends a GET whose answer has no end; what follows is read with Read().
  void Begin(const std::string& path);
  // What came next, at least a byte; empty when the server has closed.
  std::string Read();

 private:
  void Send(const std::string& method, const std::string& path, const std::string& body);

  UniqueFd socket_;
  std::string token_;
  std::string buffer_;
};

}  // namespace asya::bench
