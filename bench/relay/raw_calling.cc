#include "bench/relay/raw_calling.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <deque>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/support/connection.h"
#include "core/base/unique_fd.h"
#include "transports/rabbitmq/link.h"

namespace asya::bench {
namespace {

namespace rabbitmq = transports::rabbitmq;
using rabbitmq::Arrival;
using rabbitmq::Link;
using rabbitmq::MethodId;

constexpr int kCalls = 16;     // at once, as a relay of that concurrency
constexpr int kPrefetch = 64;  // that is what it may hold
constexpr std::uint64_t kAckStep = kPrefetch / 4;
constexpr std::size_t kReadBytes = std::size_t{64} * 1024;

void Check(const Status& status) {
  if (!status.ok()) Die(status.error().message);
}

struct Message {
  std::uint64_t tag = 0;
  std::string id;
  std::string body;
};

UniqueFd ConnectTo(const std::string& folder) {
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = folder + "/asya-runtime.sock";
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) Die("no runtime");
  return socket;
}

// The body of a whole reply with Content-Length; empty while it is not whole.
std::string_view BodyOf(std::string_view reply) {
  constexpr std::string_view kLength = "Content-Length: ";
  const std::size_t head = reply.find("\r\n\r\n");
  if (head == std::string_view::npos) return {};
  const std::size_t at = reply.find(kLength);
  if (at > head) Die("a reply without length");
  std::size_t length = 0;
  std::from_chars(reply.data() + at + kLength.size(), reply.data() + head, length);
  return reply.size() < head + 4 + length ? std::string_view() : reply.substr(head + 4, length);
}

class Calling {
 public:
  Calling(const rabbitmq::LinkSettings& settings, std::string from, std::string to, const std::string& folder)
      : from_(std::move(from)),
        to_(std::move(to)),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        taking_(settings, RealClock(), [this](Arrival&& arrival) { OnDelivery(std::move(arrival)); }),
        publishing_(settings, RealClock(), [this](const Arrival& arrival) { OnConfirm(arrival); }) {
    for (std::size_t i = 0; i < kCalls; ++i) {
      calls_.at(i).socket = ConnectTo(folder);
      idle_.push_back(i);
      Watch(calls_.at(i).socket.get(), i);
    }
    buffer_.resize(kReadBytes);
  }

  void Run() {
    const std::array<Link*, 2> links{&taking_, &publishing_};
    for (Link* link : links) Check(link->Begin());
    // Opening is not what is measured.
    while (!taking_.open() || !publishing_.open()) {
      for (Link* link : links) Check(link->Advance());
    }
    for (std::size_t i = 0; i < links.size(); ++i) Watch(links.at(i)->fd(), kCalls + i);
    publishing_.Send(1, rabbitmq::OpenChannel());
    publishing_.Send(1, rabbitmq::SelectConfirm());
    taking_.Send(1, rabbitmq::OpenChannel());
    taking_.Send(1, rabbitmq::Qos(kPrefetch));
    taking_.Send(1, rabbitmq::Consume(from_, "raw"));
    std::array<epoll_event, kCalls + 2> events{};
    for (;;) {
      Acknowledge();
      for (Link* link : links) Check(link->Flush());
      const int count = epoll_wait(epoll_.get(), events.data(), events.size(), 1000);
      for (int i = 0; i < count; ++i) {
        const std::uint64_t number = events.at(static_cast<std::size_t>(i)).data.u64;
        if (number < kCalls) {
          Take(number);
        } else {
          Check(links.at(number - kCalls)->Advance());
        }
      }
    }
  }

 private:
  struct Call {
    UniqueFd socket;
    Message message;
    std::string received;  // of a reply that came in pieces
  };

  void Watch(int fd, std::uint64_t number) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = number;
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) Die("cannot watch a socket");
  }
  void OnDelivery(Arrival&& arrival) {
    if (arrival.method.id != MethodId::kDeliver) return;
    settled_.push_back(false);
    waiting_.push_back({arrival.method.tag, std::move(arrival.properties.message_id), std::move(arrival.body)});
    CallNext();
  }
  void CallNext() {
    if (idle_.empty() || waiting_.empty()) return;
    Call& call = calls_.at(idle_.back());
    idle_.pop_back();
    call.message = std::move(waiting_.front());
    waiting_.pop_front();
    request_ = "POST /invoke HTTP/1.1\r\nHost: runtime\r\nContent-Type: application/json\r\nContent-Length: ";
    request_ += std::to_string(call.message.body.size());
    request_ += "\r\n\r\n";
    request_ += call.message.body;
    const ssize_t sent = ::send(call.socket.get(), request_.data(), request_.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(request_.size())) Die("cannot send to the runtime");
  }
  void Take(std::size_t number) {
    Call& call = calls_.at(number);
    const ssize_t size = ::recv(call.socket.get(), buffer_.data(), buffer_.size(), 0);
    if (size <= 0) Die("the runtime is gone");
    std::string_view reply(buffer_.data(), static_cast<std::size_t>(size));
    if (!call.received.empty()) reply = call.received.append(reply);
    const std::string_view body = BodyOf(reply);
    if (body.empty()) {
      if (call.received.empty()) call.received = reply;
      return;
    }
    rabbitmq::Properties properties;
    properties.content_type = "application/json";
    properties.message_id = std::move(call.message.id);
    publishing_.Send(1, rabbitmq::Publish("", to_));
    publishing_.SendContent(1, properties, body);
    published_.push_back(call.message.tag);
    call.received.clear();
    idle_.push_back(number);
    CallNext();
  }
  // The confirms of one queue come in order; a client of several queues would need a ring.
  void OnConfirm(const Arrival& arrival) {
    if (arrival.method.id == MethodId::kReturn) Die("a message was returned");
    if (arrival.method.id != MethodId::kAck) return;
    for (; confirmed_ < arrival.method.tag; ++confirmed_) {
      settled_[published_.front() - acked_ - 1] = true;
      published_.pop_front();
    }
  }
  void Acknowledge() {
    const auto open = std::find(settled_.begin(), settled_.end(), false);
    const auto settled = static_cast<std::uint64_t>(open - settled_.begin());
    if (settled < (open == settled_.end() ? 1 : kAckStep)) return;
    settled_.erase(settled_.begin(), open);
    taking_.Send(1, rabbitmq::Ack(acked_ += settled, true));
  }

  const std::string from_;
  const std::string to_;
  UniqueFd epoll_;
  Link taking_;
  Link publishing_;
  std::array<Call, kCalls> calls_;
  std::vector<std::size_t> idle_;
  std::deque<Message> waiting_;
  std::deque<std::uint64_t> published_;  // tags of deliveries, in the order in which their answers went out
  std::deque<bool> settled_;             // of the deliveries after the last acknowledged one
  std::uint64_t confirmed_ = 0;
  std::uint64_t acked_ = 0;
  std::string request_;
  std::vector<char> buffer_;
};

}  // namespace

void RunCalling(const std::string& url, const std::string& from, const std::string& to, const std::string& folder) {
  rabbitmq::LinkSettings settings;
  settings.address = rabbitmq::ParseBrokerUrl(url).value();
  Calling(settings, from, to, folder).Run();
}

}  // namespace asya::bench
