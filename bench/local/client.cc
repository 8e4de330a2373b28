// Sends items through the task API with a fixed number in flight and prints items a second and latencies as JSON.
//   client HOST:PORT TOKEN ACTOR NEXT,NEXT IN_FLIGHT ITEMS PAYLOAD_BYTES
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "core/base/unique_fd.h"
#include "core/json/parse.h"

namespace {

using asya::UniqueFd;
using Clock = std::chrono::steady_clock;

[[noreturn]] void Die(const std::string& message) {
  std::fprintf(stderr, "client: %s\n", message.c_str());
  std::exit(1);
}

// One kept connection; one request at a time.
class Connection {
 public:
  Connection(const std::string& host, int port, std::string token) : token_(std::move(token)) {
    socket_.Reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    ::inet_pton(AF_INET, host.c_str(), &address.sin_addr);
    const int on = 1;
    ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) Die("cannot connect");
  }

  std::string Call(const std::string& method, const std::string& path, const std::string& body) {
    const std::string request = method + " " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " +
                                token_ + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    if (::send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
      Die("cannot send");
    }
    std::size_t head_end = std::string::npos;
    while ((head_end = buffer_.find("\r\n\r\n")) == std::string::npos) Read();
    const auto length_at = buffer_.find("Content-Length: ");
    if (length_at == std::string::npos || length_at > head_end) Die("an answer without length: " + buffer_);
    const std::size_t total = head_end + 4 + std::stoul(buffer_.substr(length_at + 16));
    while (buffer_.size() < total) Read();
    std::string answer = buffer_.substr(head_end + 4, total - head_end - 4);
    if (buffer_.compare(0, 10, "HTTP/1.1 2") != 0) Die("refused: " + answer);
    buffer_.erase(0, total);
    return answer;
  }

 private:
  void Read() {
    char piece[16384];
    const ssize_t got = ::recv(socket_.get(), piece, sizeof piece, 0);
    if (got <= 0) Die("the server closed the connection");
    buffer_.append(piece, static_cast<std::size_t>(got));
  }

  UniqueFd socket_;
  std::string token_;
  std::string buffer_;
};

struct Load {
  std::string host;
  int port = 0;
  std::string token;
  std::string path;
  std::string body;
  std::size_t items = 0;
  std::atomic<std::size_t> taken{0};
};

void Work(Load& load, std::vector<double>& latencies_ms) {
  Connection connection(load.host, load.port, load.token);
  while (load.taken.fetch_add(1) < load.items) {
    const auto started = Clock::now();
    const auto created = asya::json::Parse(connection.Call("POST", load.path, load.body));
    const std::string id = created.value().GetString("id").value_or("");
    const auto task = asya::json::Parse(connection.Call("GET", "/api/v1/tasks/" + id + "?wait=60s", ""));
    const std::string status = task.value().GetString("status").value_or("");
    if (status != "succeeded") Die("task " + id + " is " + status);
    latencies_ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - started).count());
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 8) Die("usage: client HOST:PORT TOKEN ACTOR NEXT,NEXT IN_FLIGHT ITEMS PAYLOAD_BYTES");
  Load load;
  const std::string address = argv[1];
  load.host = address.substr(0, address.find(':'));
  load.port = std::stoi(address.substr(address.find(':') + 1));
  load.token = argv[2];
  load.path = std::string("/api/v1/tasks?actor=") + argv[3];
  std::string next = argv[4];
  for (std::size_t at = 0; (at = next.find(',', at)) != std::string::npos; at += 3) next.replace(at, 1, "\",\"");
  const std::string text(std::stoul(argv[7]), 'x');
  load.body = R"({"payload":{"text":")" + text + R"("},"next":[)" + (next.empty() ? "" : "\"" + next + "\"") + "]}";
  const std::size_t in_flight = std::stoul(argv[5]);
  load.items = std::stoul(argv[6]);
  std::vector<std::vector<double>> latencies(in_flight);
  const auto started = Clock::now();
  std::vector<std::thread> threads;
  for (auto& own : latencies) threads.emplace_back([&load, &own] { Work(load, own); });
  for (std::thread& thread : threads) thread.join();
  const double seconds = std::chrono::duration<double>(Clock::now() - started).count();
  std::vector<double> all;
  for (const auto& own : latencies) all.insert(all.end(), own.begin(), own.end());
  std::sort(all.begin(), all.end());
  std::printf("{\"items_per_s\":%.1f,\"p50_ms\":%.3f,\"p99_ms\":%.3f}\n", static_cast<double>(all.size()) / seconds,
              all[all.size() / 2], all[all.size() * 99 / 100]);
  return 0;
}
