#include "relay/runtime_peer.h"

#include <algorithm>
#include <utility>

namespace asya::relay {
namespace {

constexpr std::chrono::milliseconds kConnectTimeout{1000};
constexpr std::size_t kKeptRequestBytes = std::size_t{64} * 1024;  // of the buffer of a connection, between two calls

}  // namespace

struct RuntimePeer::Link {
  explicit Link(std::uint64_t own_number) : number(own_number) {}

  std::uint64_t number;
  std::unique_ptr<Connecting> connecting;
  std::unique_ptr<Stream> stream;
  // Of the call that runs; no reply means that the connection is idle.
  std::unique_ptr<InvocationReply> reply;
  std::chrono::microseconds timeout{0};
  SteadyTime late_at{};
  std::string request;  // of the last call, until the next one is written over it
  OnFinished on_finished;
  std::uint64_t sent_before = 0;
};

RuntimePeer::RuntimePeer(Reactor& reactor, const std::string& socket_dir, const ReplyLimits& limits, Random& random)
    : reactor_(reactor), limits_(limits), watch_(reactor, socket_dir, random), late_timer_(reactor) {
  address_.path = socket_dir + "/asya-runtime.sock";
}
RuntimePeer::~RuntimePeer() = default;

void RuntimePeer::Invoke(std::string body, std::chrono::microseconds timeout, CallListener& listener,
                         OnFinished on_finished) {
  Link* link = FindIdle();
  const bool fresh = link == nullptr;
  if (fresh) {
    const std::uint64_t number = next_number_++;
    link = links_.emplace(number, std::make_unique<Link>(number)).first->second.get();
  }
  link->reply = std::make_unique<InvocationReply>(listener, limits_);
  link->on_finished = std::move(on_finished);
  link->request.clear();
  link->request += "POST /invoke HTTP/1.1\r\nHost: runtime\r\nContent-Type: application/json\r\nContent-Length: ";
  link->request += std::to_string(body.size());
  link->request += "\r\n\r\n";
  link->request += body;
  link->timeout = timeout;
  link->late_at = RealClock().Steady() + timeout;
  // One timer serves all calls: that it comes too early costs less than setting one for each.
  if (!late_timer_.pending() || link->late_at < late_timer_at_) AwaitLate(link->late_at);
  if (fresh) {
    Connect(link->number);
    return;
  }
  Send(*link);
  // The runtime had ended the connection meanwhile, and took nothing of this call.
  if (link->stream->refused() && link->stream->bytes_sent() == link->sent_before) Connect(link->number);
}

void RuntimePeer::AwaitLate(SteadyTime at) {
  late_timer_at_ = at;
  late_timer_.After(std::chrono::ceil<std::chrono::microseconds>(at - RealClock().Steady()), [this] { EndLate(); });
}

void RuntimePeer::EndLate() {
  const SteadyTime now = RealClock().Steady();
  SteadyTime next = SteadyTime::max();
  std::vector<std::pair<SteadyTime, std::uint64_t>> late;
  for (const auto& [number, link] : links_) {
    if (link->reply == nullptr) continue;
    if (link->late_at <= now) {
      late.emplace_back(link->late_at, number);
    } else {
      next = std::min(next, link->late_at);
    }
  }
  if (next != SteadyTime::max()) AwaitLate(next);
  std::sort(late.begin(), late.end());
  for (const auto& [at, number] : late) {
    const auto found = links_.find(number);
    if (found == links_.end()) continue;
    Finish(number, {Finished::How::kTimedOut, TookLongerThan(found->second->timeout), nullptr}, false);
  }
}

RuntimePeer::Link* RuntimePeer::FindIdle() {
  if (idle_.empty()) return nullptr;
  const std::uint64_t number = idle_.back();
  idle_.pop_back();
  return links_.at(number).get();
}

void RuntimePeer::Connect(std::uint64_t number) {
  Link& link = *links_.at(number);
  link.stream.reset();
  link.connecting = std::make_unique<Connecting>(
      reactor_, address_, kConnectTimeout, [this, number](Result<std::unique_ptr<Stream>> stream) {
        Link& connected = *links_.at(number);
        if (!stream.ok()) {
          Finish(number, {Finished::How::kUnreached, stream.error().message, nullptr}, false);
          return;
        }
        connected.stream = std::move(*stream);
        connected.stream->Read([this, number](std::string_view bytes) { TakeData(number, bytes); },
                               [this, number](const Status& status) { TakeEnd(number, status); });
        Send(connected);
      });
}

void RuntimePeer::Send(Link& link) {
  link.sent_before = link.stream->bytes_sent();
  link.stream->Write(link.request);
  if (link.request.capacity() > kKeptRequestBytes && !link.stream->refused()) std::string().swap(link.request);
}

void RuntimePeer::TakeData(std::uint64_t number, std::string_view bytes) {
  Link& link = *links_.at(number);
  if (link.reply == nullptr) {  // nobody asked
    idle_.erase(std::remove(idle_.begin(), idle_.end(), number), idle_.end());
    links_.erase(number);
    return;
  }
  const Status fed = link.reply->Feed(bytes);
  if (!fed.ok()) {
    const bool lost = fed.error().code == ErrorCode::kClosed;
    Finish(number, {lost ? Finished::How::kLost : Finished::How::kInvalid, fed.error().message, nullptr}, false);
  } else if (link.reply->done()) {
    const bool keep = link.reply->keep_alive();
    Finish(number, {Finished::How::kReplied, "", &link.reply->answer()}, keep);
  }
}

void RuntimePeer::TakeEnd(std::uint64_t number, const Status& status) {
  Link& link = *links_.at(number);
  if (link.reply == nullptr) {
    idle_.erase(std::remove(idle_.begin(), idle_.end(), number), idle_.end());
    links_.erase(number);
    return;
  }
  const Status ended = link.reply->End();
  if (ended.ok()) {
    Finish(number, {Finished::How::kReplied, "", &link.reply->answer()}, false);
  } else if (ended.error().code != ErrorCode::kClosed) {
    Finish(number, {Finished::How::kInvalid, ended.error().message, nullptr}, false);
  } else if (!status.ok() && !link.reply->started() && link.stream->bytes_sent() == link.sent_before) {
    // A worker that finishes before a reload refuses further calls; nothing of this one was read.
    Finish(number, {Finished::How::kUnreached, status.error().message, nullptr}, false);
  } else {
    Finish(number, {Finished::How::kLost, ended.error().message, nullptr}, false);
  }
}

void RuntimePeer::Finish(std::uint64_t number, Finished finished, bool keep) {
  Link& link = *links_.at(number);
  const OnFinished on_finished = std::move(link.on_finished);
  const std::unique_ptr<InvocationReply> reply = std::move(link.reply);
  link.on_finished = nullptr;
  if (keep) {
    idle_.push_back(number);
  } else {
    links_.erase(number);
  }
  on_finished(std::move(finished));
}

}  // namespace asya::relay
