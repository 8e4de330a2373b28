// UnixServer: a scripted HTTP server on a Unix socket, or a port of the loopback, for tests; a thread for each
// connection.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace asya::tests {

struct ServedRequest {
  std::string method;
  std::string target;
  std::string head;  // request line and headers
  std::string body;
};

// One accepted connection. Methods return false or nothing once the peer, or Cut(), has ended it.
class ServedConnection {
 public:
  explicit ServedConnection(int descriptor) : descriptor_(descriptor) {}
  std::optional<ServedRequest> Read();
  bool Send(const std::string& bytes) const;
  // "HTTP/1.1 200 OK" with Content-Length.
  bool Reply(int status, const std::string& content_type, const std::string& body) const;
  // Blocks until the peer has closed.
  void WaitForClose();
  // Ends the connection; from any thread.
  void Cut() const;

 private:
  int descriptor_;
  std::string buffer_;
};

// A TCP socket on a free port of the loopback that refuses connections until a server takes it over.
struct BoundPort {
  int descriptor;
  std::string port;
};
BoundPort BindLoopback();

class UnixServer {
 public:
  using Serve = std::function<void(ServedConnection&)>;
  // `serve` runs on a thread of its own for each connection, which is closed when it returns.
  UnixServer(const std::string& path, Serve serve);
  // On a socket of BindLoopback(), which it takes over.
  UnixServer(int bound, Serve serve);
  ~UnixServer();
  UnixServer(const UnixServer&) = delete;
  UnixServer& operator=(const UnixServer&) = delete;
  // Ends all connections and waits for those who serve them. Idempotent.
  void Stop();
  // Ends all connections, as the death of the process behind the socket would.
  void CutAll();
  [[nodiscard]] int accepted() const;

 private:
  void Begin();
  void Accept();

  std::string path_;
  Serve serve_;
  int listener_;
  mutable std::mutex mutex_;
  std::map<int, ServedConnection*> open_;
  std::vector<std::thread> threads_;
  int accepted_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace asya::tests
