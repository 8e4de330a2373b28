// Measures a keep-alive HTTP server on a Unix socket: K connections, each with one request in flight.
//
// usage: load SOCKET CONNECTIONS SECONDS BODY_FILE   -> one line of JSON: requests, seconds, p50_us, p99_us
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMaxEvents = 64;
constexpr int kWaitMs = 5000;
constexpr std::size_t kReceiveBytes = 256 * 1024;

struct Connection {
  int fd = -1;
  std::string received;
  Clock::time_point sent_at;
};

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "load: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

int Connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) Fail("socket path too long");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) Fail("connect " + path);
  return fd;
}

void Send(Connection& connection, const std::string& request) {
  connection.sent_at = Clock::now();
  std::size_t done = 0;
  while (done < request.size()) {
    const ssize_t count = send(connection.fd, request.data() + done, request.size() - done, MSG_NOSIGNAL);
    if (count <= 0) Fail("send");
    done += static_cast<std::size_t>(count);
  }
}

// Bytes of the first whole reply in `data`, 0 while it is not whole. Only 200 with a Content-Length is accepted.
std::size_t ReplySize(std::string_view data) {
  const std::size_t end = data.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  if (!data.starts_with("HTTP/1.1 200") && !data.starts_with("HTTP/1.0 200")) {
    Fail("reply " + std::string(data.substr(0, 40)));
  }
  constexpr std::string_view kName = "\r\nContent-Length: ";
  const std::size_t name = data.find(kName);
  if (name == std::string_view::npos || name > end) Fail("reply without Content-Length");
  std::size_t length = 0;
  std::from_chars(data.data() + name + kName.size(), data.data() + end, length);
  const std::size_t size = end + 4 + length;
  return data.size() >= size ? size : 0;
}

// Takes what has arrived; true when the reply is whole.
bool Receive(Connection& connection, std::vector<char>& buffer) {
  const ssize_t count = recv(connection.fd, buffer.data(), buffer.size(), 0);
  if (count <= 0) Fail("recv");
  connection.received.append(buffer.data(), static_cast<std::size_t>(count));
  const std::size_t size = ReplySize(connection.received);
  if (size == 0) return false;
  connection.received.erase(0, size);
  return true;
}

std::string RequestFor(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) Fail("open " + file);
  const std::string body((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  return "POST /invoke HTTP/1.1\r\nHost: asya\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::vector<double> Measure(std::vector<Connection>& connections, const std::string& request, double seconds) {
  const int poll = epoll_create1(EPOLL_CLOEXEC);
  for (std::size_t index = 0; index < connections.size(); ++index) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = index;
    if (epoll_ctl(poll, EPOLL_CTL_ADD, connections[index].fd, &event) != 0) Fail("epoll_ctl");
    Send(connections[index], request);
  }
  std::vector<double> latencies_us;
  std::vector<char> buffer(kReceiveBytes);
  const Clock::time_point end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                                   std::chrono::duration<double>(seconds));
  epoll_event events[kMaxEvents];
  while (Clock::now() < end) {
    const int count = epoll_wait(poll, events, kMaxEvents, kWaitMs);
    if (count <= 0) Fail("no reply in time");
    for (int index = 0; index < count; ++index) {
      Connection& connection = connections[events[index].data.u64];
      if (!Receive(connection, buffer)) continue;
      latencies_us.push_back(std::chrono::duration<double, std::micro>(Clock::now() - connection.sent_at).count());
      Send(connection, request);
    }
  }
  close(poll);
  return latencies_us;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: load SOCKET CONNECTIONS SECONDS BODY_FILE\n");
    return 2;
  }
  const std::string request = RequestFor(argv[4]);
  const double seconds = std::strtod(argv[3], nullptr);
  std::vector<Connection> connections(static_cast<std::size_t>(std::max(1L, std::strtol(argv[2], nullptr, 10))));
  for (Connection& connection : connections) connection.fd = Connect(argv[1]);
  const Clock::time_point begin = Clock::now();
  std::vector<double> latencies = Measure(connections, request, seconds);
  const double taken = std::chrono::duration<double>(Clock::now() - begin).count();
  for (const Connection& connection : connections) close(connection.fd);
  std::sort(latencies.begin(), latencies.end());
  const auto at = [&](double part) {
    if (latencies.empty()) return 0.0;
    const auto index = static_cast<std::size_t>(part * static_cast<double>(latencies.size()));
    return latencies[std::min(latencies.size() - 1, index)];
  };
  std::printf("{\"requests\": %zu, \"seconds\": %.4f, \"p50_us\": %.1f, \"p99_us\": %.1f}\n", latencies.size(), taken,
              at(0.5), at(0.99));
  return 0;
}
