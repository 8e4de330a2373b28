#include "tests/support/scripted_broker.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <vector>

namespace asya::tests {
namespace {

using transports::rabbitmq::MethodId;
using transports::rabbitmq::Table;
using transports::rabbitmq::WireWriter;

constexpr std::chrono::seconds kPatience{20};
constexpr std::size_t kProtocolHeaderBytes = 8;
constexpr int kTurnMs = 2;

std::string Fields(const std::function<void(WireWriter&)>& write) {
  std::string bytes;
  WireWriter writer(bytes);
  write(writer);
  return bytes;
}

std::string Start() {
  return ScriptedBroker::Method(0, MethodId::kConnectionStart, Fields([](WireWriter& writer) {
                                  writer.U8(0).U8(9).Fields(Table{{"version", {std::string("3.10.8")}}});
                                  writer.LongString("PLAIN").LongString("en_US");
                                }));
}

}  // namespace

ScriptedBroker::ScriptedBroker() {
  listener_ = UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), size);
  listen(listener_.get(), 16);
  getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Serve(); });
}

ScriptedBroker::~ScriptedBroker() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  thread_.join();
}

void ScriptedBroker::Mute(MethodId id, bool muted) {
  const std::lock_guard lock(mutex_);
  if (muted) {
    muted_.insert(id);
  } else {
    muted_.erase(id);
  }
}

bool ScriptedBroker::WaitFor(const std::string& link, MethodId id, int times) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, kPatience, [&] { return counts_[{link, id}] >= times; });
}

int ScriptedBroker::Count(const std::string& link, MethodId id) {
  const std::lock_guard lock(mutex_);
  return counts_[{link, id}];
}

void ScriptedBroker::Send(const std::string& link, const std::string& bytes) {
  const std::lock_guard lock(mutex_);
  for (auto peer = peers_.rbegin(); peer != peers_.rend(); ++peer) {
    if (peer->link == link) return Write(*peer, bytes);
  }
}

void ScriptedBroker::Deliver(std::uint64_t tag, const std::string& body) {
  Send(kTakes, Delivery(ConsumerTag(), tag, body));
}

std::string ScriptedBroker::ConsumerTag() {
  const std::lock_guard lock(mutex_);
  return consumer_tag_;
}

std::string ScriptedBroker::Method(std::uint16_t channel, MethodId id, const std::string& fields) {
  std::string frame;
  transports::rabbitmq::AppendMethod(
      frame, channel, Fields([&](WireWriter& writer) { writer.U32(static_cast<std::uint32_t>(id)); }) + fields);
  return frame;
}

std::string ScriptedBroker::Confirm(std::uint64_t tag) {
  return Method(1, MethodId::kAck, Fields([&](WireWriter& writer) { writer.U64(tag).U8(0); }));
}

std::string ScriptedBroker::Delivery(const std::string& consumer_tag, std::uint64_t tag, const std::string& body) {
  std::string frames = Method(1, MethodId::kDeliver, Fields([&](WireWriter& writer) {
                                writer.ShortString(consumer_tag).U64(tag).U8(0).ShortString("").ShortString("q");
                              }));
  transports::rabbitmq::AppendContent(frames, 1, {}, body, transports::rabbitmq::kFrameBytesMax);
  return frames;
}

void ScriptedBroker::Serve() {
  while (true) {
    std::vector<pollfd> ready{{listener_.get(), POLLIN, 0}};
    {
      const std::lock_guard lock(mutex_);
      if (ending_) return;
      for (const Peer& peer : peers_) ready.push_back({peer.fd.get(), POLLIN, 0});
    }
    if (poll(ready.data(), ready.size(), kTurnMs) <= 0) continue;
    const std::lock_guard lock(mutex_);
    std::size_t at = 1;
    for (auto peer = peers_.begin(); peer != peers_.end() && at < ready.size(); ++at) {
      peer = ready[at].revents == 0 || Read(*peer) ? std::next(peer) : peers_.erase(peer);
    }
    if (ready[0].revents != 0) {
      peers_.emplace_back().fd = UniqueFd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    }
    changed_.notify_all();
  }
}

bool ScriptedBroker::Read(Peer& peer) {
  std::array<char, 65536> piece;
  const ssize_t count = recv(peer.fd.get(), piece.data(), piece.size(), 0);
  if (count <= 0) return false;
  peer.in.append(piece.data(), static_cast<std::size_t>(count));
  if (!peer.greeted) {
    if (peer.in.size() < kProtocolHeaderBytes) return true;
    peer.in.erase(0, kProtocolHeaderBytes);
    peer.greeted = true;
    Write(peer, Start());
  }
  std::string_view rest = peer.in;
  while (true) {
    const auto frame = transports::rabbitmq::TakeFrame(rest, transports::rabbitmq::kFrameBytesMax);
    if (!frame.ok()) return false;
    if (!*frame) break;
    Take(peer, **frame);
  }
  peer.in.erase(0, peer.in.size() - rest.size());
  return true;
}

void ScriptedBroker::Take(Peer& peer, const transports::rabbitmq::Frame& frame) {
  if (frame.type != transports::rabbitmq::FrameType::kMethod) return;
  transports::rabbitmq::WireReader reader(frame.payload);
  const auto id = static_cast<MethodId>(reader.U32());
  if (id == MethodId::kConnectionStartOk) {
    peer.link = frame.payload.find(kPublishes) == std::string_view::npos ? kTakes : kPublishes;
    if (peer.link == kPublishes) published_ = 0;
  }
  ++counts_[{peer.link, id}];
  if (id == MethodId::kPublish && frame.channel == 1) ++published_;
  if (id == MethodId::kConsume && peer.link == kTakes) {
    reader.U16();
    reader.ShortString();
    consumer_tag_ = reader.ShortString();
  }
  if (!muted_.contains(id)) Write(peer, AnswerTo(peer, frame.channel, id, frame.payload));
}

std::string ScriptedBroker::AnswerTo(Peer& peer, std::uint16_t channel, MethodId id, std::string_view /*fields*/) {
  switch (id) {
    case MethodId::kConnectionStartOk:
      return Method(0, MethodId::kConnectionTune, Fields([](WireWriter& writer) { writer.U16(0).U32(0).U16(0); }));
    case MethodId::kConnectionOpen:
      return Method(0, MethodId::kConnectionOpenOk, std::string(1, '\0'));
    case MethodId::kConnectionClose:
      return Method(0, MethodId::kConnectionCloseOk);
    case MethodId::kChannelOpen:
      return Method(channel, MethodId::kChannelOpenOk, std::string(4, '\0'));
    case MethodId::kConfirmSelect:
      return Method(channel, MethodId::kConfirmSelectOk);
    case MethodId::kQos:
      return Method(channel, MethodId::kQosOk);
    case MethodId::kConsume:
    case MethodId::kCancel:
      return Method(channel, id == MethodId::kConsume ? MethodId::kConsumeOk : MethodId::kCancelOk,
                    Fields([&](WireWriter& writer) { writer.ShortString(consumer_tag_); }));
    case MethodId::kQueueDeclare:
      return Method(channel, MethodId::kQueueDeclareOk,
                    Fields([](WireWriter& writer) { writer.ShortString("q").U32(0).U32(0); }));
    case MethodId::kPublish:
      return peer.link == kPublishes && channel == 1 ? Confirm(published_) : "";
    case MethodId::kExchangeDeclare:
      return Method(channel, MethodId::kExchangeDeclareOk);
    case MethodId::kQueueBind:
      return Method(channel, MethodId::kQueueBindOk);
    default:
      return "";
  }
}

void ScriptedBroker::Write(const Peer& peer, const std::string& bytes) {
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t more = send(peer.fd.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (more <= 0) return;
    sent += static_cast<std::size_t>(more);
  }
}

}  // namespace asya::tests
