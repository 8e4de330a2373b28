// SocketProxy: stands between a client and a Unix socket, and delays, withholds or cuts what passes.
#pragma once

#include <atomic>
#include <chrono>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "core/base/unique_fd.h"

namespace asya::tests {

class SocketProxy {
 public:
  // Listens at `path` and passes everything on to the socket at `target`.
  SocketProxy(const std::string& path, std::string target);
  ~SocketProxy();
  SocketProxy(const SocketProxy&) = delete;
  SocketProxy& operator=(const SocketProxy&) = delete;

  // Each piece that passes waits so long first.
  void Delay(std::chrono::milliseconds delay);
  // Connections are accepted and what comes is not passed on, as by a server that hangs; until it is called again.
  void Withhold(bool withhold);
  // Ends every connection at once.
  void Cut();

 private:
  struct Pair {
    UniqueFd client;
    UniqueFd server;
  };
  void Work();
  void Accept();
  // False: the connection has ended.
  bool Pass(int from, int to);
  // False: the proxy is to end.
  bool Sleep(std::chrono::milliseconds time);
  void Wake();

  const std::string path_;
  const std::string target_;
  UniqueFd listening_;
  UniqueFd wake_;
  std::atomic<bool> running_{true};
  std::atomic<bool> cut_{false};
  std::atomic<bool> withhold_{false};
  std::atomic<std::int64_t> delay_ms_{0};
  std::list<Pair> pairs_;  // of the thread alone
  std::thread thread_;
};

}  // namespace asya::tests
