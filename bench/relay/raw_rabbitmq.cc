// What a relay on RabbitMQ is measured against: bench_raw_rabbitmq WAY URL FROM TO LAST, until it is killed.
//   pipelined  takes, publishes confirmed and mandatory, acknowledges what is confirmed, many at once; LAST: prefetch
//   calling    the same with a call of the runtime in the folder LAST between, sixteen at once
//   serial     one message at a time: takes, calls the runtime in the folder LAST, publishes, waits for the confirm,
//              acknowledges; prefetch 1
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/relay/raw_calling.h"
#include "bench/support/connection.h"
#include "core/base/unique_fd.h"
#include "transports/rabbitmq/link.h"

namespace asya::bench {
namespace {

namespace rabbitmq = transports::rabbitmq;
using rabbitmq::Arrival;
using rabbitmq::Link;
using rabbitmq::MethodId;

void Check(const Status& status) {
  if (!status.ok()) Die(status.error().message);
}

rabbitmq::LinkSettings SettingsOf(const std::string& url) {
  rabbitmq::LinkSettings settings;
  settings.address = rabbitmq::ParseBrokerUrl(url).value();
  return settings;
}

// Sleeps until one of them has something to do.
void Wait(const std::vector<Link*>& links) {
  std::array<pollfd, 2> ready{};
  std::size_t count = 0;
  for (const Link* link : links) {
    ready.at(count++) = {link->fd(), static_cast<short>(link->wants_write() ? POLLIN | POLLOUT : POLLIN), 0};
  }
  poll(ready.data(), count, 1000);
}

void UntilOpen(const std::vector<Link*>& links) {
  for (Link* link : links) Check(link->Begin());
  while (!std::all_of(links.begin(), links.end(), [](const Link* link) { return link->open(); })) {
    Wait(links);
    for (Link* link : links) Check(link->Advance());
  }
}

rabbitmq::Properties PropertiesOf(const Arrival& arrival) {
  rabbitmq::Properties properties;
  properties.content_type = "application/json";
  properties.message_id = arrival.properties.message_id;
  return properties;
}

struct Queues {
  std::string url;
  std::string from;
  std::string to;
};

class Pipelined {
 public:
  Pipelined(const Queues& queues, std::uint16_t prefetch)
      : queues_(queues),
        prefetch_(prefetch),
        taking_(SettingsOf(queues.url), RealClock(), [this](const Arrival& arrival) { OnDelivery(arrival); }),
        publishing_(SettingsOf(queues.url), RealClock(), [this](const Arrival& arrival) { OnConfirm(arrival); }) {}

  void Run() {
    const std::vector<Link*> links{&taking_, &publishing_};
    UntilOpen(links);
    publishing_.Send(1, rabbitmq::OpenChannel());
    publishing_.Send(1, rabbitmq::SelectConfirm());
    taking_.Send(1, rabbitmq::OpenChannel());
    taking_.Send(1, rabbitmq::Qos(prefetch_));
    taking_.Send(1, rabbitmq::Consume(queues_.from, "raw"));
    for (;;) {
      // The confirms of one queue come in order; a client of several queues would need a ring.
      const std::uint64_t least = confirmed_ == delivered_ ? 1 : std::max(1, prefetch_ / 4);
      if (confirmed_ - acked_ >= least) taking_.Send(1, rabbitmq::Ack(acked_ = confirmed_, true));
      for (Link* link : links) Check(link->Flush());
      Wait(links);
      for (Link* link : links) Check(link->Advance());
    }
  }

 private:
  void OnDelivery(const Arrival& arrival) {
    if (arrival.method.id != MethodId::kDeliver) return;
    ++delivered_;
    publishing_.Send(1, rabbitmq::Publish("", queues_.to));
    publishing_.SendContent(1, PropertiesOf(arrival), arrival.body);
  }
  void OnConfirm(const Arrival& arrival) {
    if (arrival.method.id == MethodId::kReturn) Die("a message was returned");
    if (arrival.method.id == MethodId::kAck) confirmed_ = std::max(confirmed_, arrival.method.tag);
  }

  const Queues queues_;
  const std::uint16_t prefetch_;
  Link taking_;
  Link publishing_;
  std::uint64_t delivered_ = 0;
  std::uint64_t confirmed_ = 0;
  std::uint64_t acked_ = 0;
};

// A kept connection to the runtime.
class Runtime {
 public:
  explicit Runtime(const std::string& folder) : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = folder + "/asya-runtime.sock";
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    if (::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) Die("no runtime");
  }
  std::string Call(const std::string& body) {
    std::string request =
        "POST /invoke HTTP/1.1\r\nHost: runtime\r\nContent-Type: application/json\r\nContent-Length: ";
    request += std::to_string(body.size()) + "\r\n\r\n" + body;
    if (::send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
      Die("cannot send to the runtime");
    }
    std::string reply;
    for (;;) {
      const ssize_t size = ::recv(socket_.get(), buffer_.data(), buffer_.size(), 0);
      if (size <= 0) Die("the runtime is gone");
      reply.append(buffer_.data(), static_cast<std::size_t>(size));
      if (const auto whole = BodyOf(reply)) return *whole;
    }
  }

 private:
  static std::optional<std::string> BodyOf(const std::string& reply) {
    constexpr std::string_view kLength = "Content-Length: ";
    const std::size_t head = reply.find("\r\n\r\n");
    if (head == std::string::npos) return std::nullopt;
    const std::size_t at = reply.find(kLength);
    if (at > head) Die("a reply without length");
    std::size_t length = 0;
    std::from_chars(reply.data() + at + kLength.size(), reply.data() + head, length);
    if (reply.size() < head + 4 + length) return std::nullopt;
    return reply.substr(head + 4, length);
  }

  UniqueFd socket_;
  std::array<char, 65536> buffer_{};
};

class Serial {
 public:
  Serial(Queues queues, const std::string& folder)
      : queues_(std::move(queues)),
        runtime_(folder),
        link_(SettingsOf(queues_.url), RealClock(), [this](Arrival arrival) { last_ = std::move(arrival); }) {}

  void Run() {
    UntilOpen({&link_});
    link_.Send(1, rabbitmq::OpenChannel());
    link_.Send(1, rabbitmq::SelectConfirm());
    link_.Send(1, rabbitmq::Qos(1));
    link_.Send(1, rabbitmq::Consume(queues_.from, "serial"));
    for (;;) {
      const Arrival delivery = Next(MethodId::kDeliver);
      const std::string answer = runtime_.Call(delivery.body);
      link_.Send(1, rabbitmq::Publish("", queues_.to));
      link_.SendContent(1, PropertiesOf(delivery), answer);
      Next(MethodId::kAck);
      link_.Send(1, rabbitmq::Ack(delivery.method.tag, false));
    }
  }

 private:
  // One thing is under way at a time, so that nothing else can come in between.
  Arrival Next(MethodId wanted) {
    for (;;) {
      Check(link_.Flush());
      Wait({&link_});
      Check(link_.Advance());
      if (last_ && last_->method.id == MethodId::kReturn) Die("a message was returned");
      if (last_ && last_->method.id == wanted) return *std::exchange(last_, std::nullopt);
    }
  }

  const Queues queues_;
  Runtime runtime_;
  Link link_;
  std::optional<Arrival> last_;
};

int Main(const std::vector<std::string>& words) {
  if (words.size() == 5) {
    const Queues queues{words[1], words[2], words[3]};
    if (words[0] == "pipelined") Pipelined(queues, static_cast<std::uint16_t>(std::stoi(words[4]))).Run();
    if (words[0] == "calling") RunCalling(words[1], words[2], words[3], words[4]);
    if (words[0] == "serial") Serial(queues, words[4]).Run();
  }
  std::fprintf(stderr, "usage: bench_raw_rabbitmq pipelined|calling|serial URL FROM TO PREFETCH|FOLDER\n");
  return 2;
}

}  // namespace
}  // namespace asya::bench

int main(int count, char** words) { return asya::bench::Main({words + 1, words + count}); }
