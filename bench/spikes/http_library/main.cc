// Boost.Beast or Pistache 0.0.5? Keep-alive requests a second of both in one run, then a watch written from another
// thread whose client goes away: does the server live?
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "servers.h"

namespace {

constexpr int kConnections = 16;
constexpr int kStartLimitMs = 5000;
constexpr int kDisconnects = 20;
constexpr std::string_view kSmall = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view kWatch = "GET /watch HTTP/1.1\r\nHost: a\r\n\r\n";

using Clock = std::chrono::steady_clock;
using Serve = void (*)(int port, int threads);

// What a client like kubectl sends: a dozen headers, a bearer token and 1 KiB of JSON.
std::string Usual() {
  return "POST /apis/asya.sh/v1alpha1/namespaces/default/asyncactors HTTP/1.1\r\nHost: localhost:6443\r\n"
         "User-Agent: kubectl/v1.33.5 (linux/amd64) kubernetes/unknown\r\nAccept: application/json, */*\r\n"
         "Accept-Encoding: gzip\r\nAuthorization: Bearer " +
         std::string(64, 'a') +
         "\r\n"
         "Content-Type: application/json\r\nKubectl-Command: kubectl create\r\n"
         "Kubectl-Session: 00000000-0000-0000-0000-000000000000\r\nX-Request-Id: 0123456789abcdef\r\n"
         "Cache-Control: no-cache\r\nContent-Length: 1024\r\n\r\n" +
         std::string(1024, '1');
}

[[noreturn]] void Die(const char* what) {
  std::perror(what);
  std::_Exit(1);
}

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

int FreePort() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0) Die("bind");
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(fd);
  return ntohs(address.sin_port);
}

int Connect(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(port);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    ::close(fd);
    return -1;
  }
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}

struct Server {
  pid_t pid = 0;
  int port = 0;
};

Server Start(Serve serve, int threads) {
  Server server{0, FreePort()};
  server.pid = ::fork();
  if (server.pid == 0) {
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    std::signal(SIGPIPE, SIG_IGN);
    std::freopen("/dev/null", "w", stderr);
    serve(server.port, threads);
    std::_Exit(0);
  }
  for (int waited = 0; waited < kStartLimitMs; waited += 10) {
    const int fd = Connect(server.port);
    if (fd >= 0) {
      ::close(fd);
      return server;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  Die("the server did not start");
}

// The length of one whole response, which is the same for all of them.
std::size_t ResponseLength(int port, std::string_view request) {
  const int fd = Connect(port);
  ::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
  std::string text;
  std::array<char, 4096> part{};
  for (;;) {
    const ssize_t got = ::recv(fd, part.data(), part.size(), 0);
    if (got <= 0) Die("no response");
    text.append(part.data(), static_cast<std::size_t>(got));
    const auto end = text.find("\r\n\r\n");
    if (end != std::string::npos && text.size() >= end + 4 + kBodyBytes) break;
  }
  ::close(fd);
  return text.size();
}

double RequestsPerSecond(Serve serve, int threads, std::string_view request, int seconds) {
  const Server server = Start(serve, threads);
  const std::size_t length = ResponseLength(server.port, request);
  std::vector<pollfd> polled;
  for (int i = 0; i < kConnections; ++i) polled.push_back({Connect(server.port), POLLIN, 0});
  std::vector<std::size_t> received(kConnections, 0);
  for (const pollfd& one : polled) ::send(one.fd, request.data(), request.size(), MSG_NOSIGNAL);
  long answered = 0;
  std::array<char, 4096> part{};
  const auto began = Clock::now();
  while (Clock::now() - began < std::chrono::seconds(seconds)) {
    if (::poll(polled.data(), polled.size(), 1000) <= 0) Die("the server does not answer");
    for (std::size_t i = 0; i < polled.size(); ++i) {
      if ((polled[i].revents & POLLIN) == 0) continue;
      const ssize_t got = ::recv(polled[i].fd, part.data(), part.size(), 0);
      if (got <= 0) Die("the server closed a connection");
      received[i] += static_cast<std::size_t>(got);
      if (received[i] < length) continue;
      received[i] = 0;
      ++answered;
      ::send(polled[i].fd, request.data(), request.size(), MSG_NOSIGNAL);
    }
  }
  const double elapsed_s = std::chrono::duration<double>(Clock::now() - began).count();
  for (const pollfd& one : polled) ::close(one.fd);
  ::kill(server.pid, SIGKILL);
  ::waitpid(server.pid, nullptr, 0);
  return static_cast<double>(answered) / elapsed_s;
}

// Watches begin and their clients go away; says how the server fared.
std::string AfterDisconnects(Serve serve) {
  const Server server = Start(serve, 2);
  int survived = 0;
  for (; survived < kDisconnects; ++survived) {
    const int fd = Connect(server.port);
    if (fd < 0) break;
    ::send(fd, kWatch.data(), kWatch.size(), MSG_NOSIGNAL);
    std::array<char, 512> part{};
    if (::recv(fd, part.data(), part.size(), 0) <= 0) break;
    const linger reset{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    ::close(fd);
    std::this_thread::sleep_for(std::chrono::milliseconds(20 * kWatchEveryMs));
  }
  int status = 0;
  const bool ended = ::waitpid(server.pid, &status, WNOHANG) == server.pid;
  if (!ended) {
    ::kill(server.pid, SIGKILL);
    ::waitpid(server.pid, nullptr, 0);
    return "alive after " + std::to_string(survived) + " disconnects";
  }
  const std::string how = WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "exit";
  return "ended by '" + how + "' after " + std::to_string(survived) + " disconnects";
}

}  // namespace

// usage: http_library [SECONDS] [REPEATS]
int main(int argc, char** argv) {
  const int seconds = argc > 1 ? std::stoi(argv[1]) : 3;
  const std::string usual = Usual();
  const int repeats = argc > 2 ? std::stoi(argv[2]) : 3;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    for (const int threads : {1, 2}) {
      for (const std::string_view request : {kSmall, std::string_view(usual)}) {
        const double beast = RequestsPerSecond(&ServeBeast, threads, request, seconds);
        const double pistache = RequestsPerSecond(&ServePistache, threads, request, seconds);
        std::printf("threads=%d request=%zuB beast=%.0f/s pistache=%.0f/s ratio=%.1f\n", threads, request.size(), beast,
                    pistache, beast / pistache);
        std::fflush(stdout);
      }
    }
    std::printf("watch from another thread: beast %s; pistache %s\n", AfterDisconnects(&ServeBeast).c_str(),
                AfterDisconnects(&ServePistache).c_str());
    std::fflush(stdout);
  }
}
