// A runtime whose handler returns its payload, by the wire of the Python one (docs of the relay: health feed, /invoke),
// so that a measurement of the relay holds nothing of Python: bench_echo_runtime FOLDER
// Notes in FOLDER/first-call when the first envelope came: nanoseconds of the steady clock.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/base/unique_fd.h"
#include "core/json/parse.h"
#include "core/json/split.h"
#include "core/json/value.h"

namespace asya::bench {
namespace {

constexpr int kBacklog = 128;
constexpr int kEventsMax = 64;
constexpr std::size_t kReceiveBytes = 64 * 1024;

struct Request {
  std::string_view method;
  std::string_view body;
  std::size_t bytes = 0;  // 0: not whole yet
};

Request FirstRequest(std::string_view received) {
  constexpr std::string_view kLength = "Content-Length: ";
  const std::size_t head = received.find("\r\n\r\n");
  if (head == std::string_view::npos) return {};
  std::size_t length = 0;
  if (const std::size_t at = received.find(kLength); at < head) {
    std::from_chars(received.data() + at + kLength.size(), received.data() + head, length);
  }
  const std::size_t bytes = head + 4 + length;
  if (received.size() < bytes) return {};
  return {received.substr(0, received.find(' ')), received.substr(head + 4, length), bytes};
}

std::string Shifted(std::string_view route_text) {
  json::Value route = json::Parse(route_text).value();
  json::Array& next = route["next"].AsArray();
  route["prev"].AsArray().push_back(route["curr"]);
  route["curr"] = next.empty() ? json::Value("") : next.front();
  if (!next.empty()) next.erase(next.begin());
  return json::Dump(route);
}

// {"frames":[{payload, route, headers}]}: payload and headers as they came.
std::string Answer(std::string_view envelope) {
  std::string frame;
  const auto members = json::Split(envelope).value();
  for (const json::Member& member : members) {
    if (member.key != "payload" && member.key != "route" && member.key != "headers") continue;
    frame += (frame.empty() ? "\"" : ",\"") + member.key + "\":";
    frame += member.key == "route" ? Shifted(member.value) : std::string(member.value);
  }
  const std::string body = "{\"frames\":[{" + frame + "}]}";
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

class EchoRuntime {
 public:
  explicit EchoRuntime(std::string folder) : folder_(std::move(folder)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    calls_ = Listen("asya-runtime.sock");
    health_ = Listen("asya-runtime-health.sock");
    std::ofstream(folder_ + "/runtime-ready") << "ready";
  }

  void Serve() {
    std::array<epoll_event, kEventsMax> events{};
    for (;;) {
      const int count = epoll_wait(epoll_.get(), events.data(), kEventsMax, -1);
      for (int i = 0; i < count; ++i) Take(events.at(static_cast<std::size_t>(i)).data.fd);
    }
  }

 private:
  struct Peer {
    UniqueFd fd;
    bool asks_health = false;
    std::string received;
  };

  UniqueFd Listen(const std::string& name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = folder_ + "/" + name;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASYA_CHECK(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    ASYA_CHECK(::listen(listener.get(), kBacklog) == 0);
    Watch(listener.get());
    return listener;
  }

  void Watch(int fd) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    ASYA_CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0);
  }

  void Take(int fd) {
    if (fd == calls_.get() || fd == health_.get()) {
      UniqueFd peer(::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC));
      if (!peer.valid()) return;
      Watch(peer.get());
      const int number = peer.get();
      peers_[number] = Peer{std::move(peer), fd == health_.get(), ""};
      return;
    }
    Peer& peer = peers_.at(fd);
    const ssize_t size = ::recv(fd, buffer_.data(), buffer_.size(), 0);
    if (size <= 0) {
      peers_.erase(fd);
      return;
    }
    peer.received.append(buffer_.data(), static_cast<std::size_t>(size));
    const Request request = FirstRequest(peer.received);
    if (request.bytes == 0) return;
    const bool sent = Send(fd, Reply(peer, request));
    if (sent) {
      peer.received.erase(0, request.bytes);
    } else {
      peers_.erase(fd);
    }
  }

  std::string Reply(const Peer& peer, const Request& request) {
    // The feed goes on for as long as the runtime lives; nothing but the first line is ever told here.
    if (peer.asks_health) {
      return "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\n\r\n"
             "{\"status\":\"ready\"}\n";
    }
    if (request.method != "POST") {
      return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n{\"status\":\"ready\"}";
    }
    if (!called_) {
      called_ = true;
      const auto now = std::chrono::steady_clock::now().time_since_epoch();
      std::ofstream(folder_ + "/first-call") << std::chrono::nanoseconds(now).count();
    }
    return Answer(request.body);
  }

  static bool Send(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t size = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (size <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(size));
    }
    return true;
  }

  std::string folder_;
  UniqueFd epoll_;
  UniqueFd calls_;
  UniqueFd health_;
  std::unordered_map<int, Peer> peers_;
  std::array<char, kReceiveBytes> buffer_{};
  bool called_ = false;
};

}  // namespace
}  // namespace asya::bench

int main(int count, char** words) {
  if (count != 2) {
    std::fprintf(stderr, "usage: bench_echo_runtime FOLDER\n");
    return 2;
  }
  asya::bench::EchoRuntime(words[1]).Serve();
}
