#include "relay/model_server.h"

#include <algorithm>
#include <utility>

#include "relay/model_request.h"

namespace asya::relay {

struct ModelServer::Link {
  Link(Reactor& reactor, std::uint64_t own_number) : number(own_number), timer(reactor), connect_timer(reactor) {}

  std::uint64_t number;
  Timer timer;          // of the call, or of the idle time
  Timer connect_timer;  // of making the connection, whoever waits for it
  std::unique_ptr<Wire> wire;
  // Of the call that runs; no reply means that there is none.
  std::unique_ptr<ModelReply> reply;
  std::string request;  // kept until the reply begins: an idle connection may have ended unseen
  OnFinished on_finished;
  std::chrono::microseconds time{0};  // that the call may take
  bool reused = false;
};

ModelServer::ModelServer(Reactor& reactor, Endpoint endpoint, const ReplyLimits& replies,
                         const ModelServerLimits& limits, const Clock& clock, Random& random)
    : reactor_(reactor),
      endpoint_(std::move(endpoint)),
      replies_(replies),
      limits_(limits),
      clock_(clock),
      random_(random),
      state_{RuntimeState::Kind::kAbsent, "the model server is being connected to"},
      again_(reactor),
      pause_(limits.first_pause) {}
ModelServer::~ModelServer() = default;

void ModelServer::Start(OnState on_change) {
  on_change_ = std::move(on_change);
  NewLink();
}

void ModelServer::Invoke(std::string body, std::chrono::microseconds timeout, CallListener& listener,
                         OnFinished on_finished) {
  auto request = MakeModelRequest(endpoint_, body);
  if (!request.ok()) {
    reactor_.Post([problem = "the payload: " + request.error().message, on_finished = std::move(on_finished)] {
      CallAnswer answer;
      answer.outcome = CallAnswer::Outcome::kFailed;
      answer.error = {"InputError", {"ValueError", "Exception"}, problem, ""};
      on_finished({Finished::How::kReplied, "", &answer});
    });
    return;
  }
  Link* idle = FindIdle();
  Link* waiting = idle != nullptr ? idle : FindConnecting();
  Link& link = waiting != nullptr ? *waiting : NewLink();
  link.reused = idle != nullptr;
  link.reply = std::make_unique<ModelReply>(endpoint_, std::move(request->payload), std::move(request->route), listener,
                                            replies_, clock_.Now());
  link.request = std::move(request->bytes);
  link.on_finished = std::move(on_finished);
  link.time = std::min(timeout, endpoint_.timeout.value_or(timeout));
  link.timer.After(link.time, [this, &link] { TimedOut(link); });
  if (link.reused) link.wire->Write(link.request);
}

ModelServer::Link& ModelServer::NewLink() {
  const std::uint64_t number = next_number_++;
  Link& link = *links_.emplace(number, std::make_unique<Link>(reactor_, number)).first->second;
  Connect(link);
  return link;
}

void ModelServer::Connect(Link& link) {
  link.connect_timer.After(limits_.connect_timeout,
                           [this, &link] { TakeEnd(link, Fail(ErrorCode::kTimeout, "cannot connect: timed out")); });
  Wire::Target target{endpoint_.address, endpoint_.tls};
  target.check = [reach = endpoint_.reach](const std::string& ip) { return CheckReach(ip, reach); };
  link.wire = std::make_unique<Wire>(
      reactor_, std::move(target), limits_.connect_timeout,
      Wire::Events{[this, &link] { Opened(link); }, [this, &link](std::string_view bytes) { TakeData(link, bytes); },
                   [this, &link](const Status& status) { TakeEnd(link, status); }});
}

ModelServer::Link* ModelServer::FindIdle() {
  while (!idle_.empty()) {
    const std::uint64_t number = idle_.back();
    idle_.pop_back();
    Link* link = links_.at(number).get();
    if (link->wire->alive()) return link;
    links_.erase(number);
  }
  return nullptr;
}

// One that is being made, and for which no call waits (any more).
ModelServer::Link* ModelServer::FindConnecting() {
  const auto found = std::find_if(links_.begin(), links_.end(), [](const auto& entry) {
    return entry.second->reply == nullptr && !entry.second->wire->opened();
  });
  return found == links_.end() ? nullptr : found->second.get();
}

void ModelServer::Opened(Link& link) {
  link.connect_timer.Cancel();
  if (link.reply != nullptr) {
    link.wire->Write(link.request);
  } else {
    Rest(link);
  }
  Change({RuntimeState::Kind::kReady, ""});
}

void ModelServer::TakeData(Link& link, std::string_view bytes) {
  if (link.reply == nullptr) {  // nobody asked
    idle_.erase(std::remove(idle_.begin(), idle_.end(), link.number), idle_.end());
    links_.erase(link.number);
    return;
  }
  const Status fed = link.reply->Feed(bytes);
  if (!fed.ok() && fed.error().code == ErrorCode::kClosed) {
    Away(fed.error());
    Finish(link, {Finished::How::kLost, fed.error().message, nullptr}, Then::kEnd);
  } else if (!fed.ok()) {
    Finish(link, {Finished::How::kInvalid, fed.error().message, nullptr}, Then::kEnd);
  } else if (link.reply->done()) {
    const Then then = link.reply->keep_alive() ? Then::kRest : Then::kEnd;
    Finish(link, {Finished::How::kReplied, "", &link.reply->answer()}, then);
  }
}

void ModelServer::TakeEnd(Link& link, const Status& status) {
  const bool opened = link.wire->opened();
  if (link.reply == nullptr) {
    idle_.erase(std::remove(idle_.begin(), idle_.end(), link.number), idle_.end());
    links_.erase(link.number);
    if (!opened) Away(status.ok() ? Fail(ErrorCode::kClosed, "the connection was closed") : status.error());
    return;
  }
  if (!opened) {
    const std::string reason = status.ok() ? "the connection was closed" : status.error().message;
    Away(status.ok() ? Fail(ErrorCode::kClosed, reason) : status.error());
    Finish(link, {Finished::How::kUnreached, reason, nullptr}, Then::kEnd);
    return;
  }
  if (link.reused && !link.reply->started()) {
    link.reused = false;
    Connect(link);
    return;
  }
  const Status ended = status.ok() ? link.reply->End() : status;
  if (ended.ok()) {
    Finish(link, {Finished::How::kReplied, "", &link.reply->answer()}, Then::kEnd);
  } else if (ended.error().code != ErrorCode::kClosed && ended.error().code != ErrorCode::kUnavailable) {
    Finish(link, {Finished::How::kInvalid, ended.error().message, nullptr}, Then::kEnd);
  } else {
    Away(ended.error());
    Finish(link, {Finished::How::kLost, ended.error().message, nullptr}, Then::kEnd);
  }
}

// That of the call is over. Without a connection nothing of it was sent, so it has not failed. The connection goes on
// being made for the next one: only its own time tells whether the server is there.
void ModelServer::TimedOut(Link& link) {
  if (link.wire->opened()) {
    Finish(link, {Finished::How::kTimedOut, TookLongerThan(link.time), nullptr}, Then::kEnd);
  } else {
    Finish(link, {Finished::How::kUnreached, "not connected to in the time of the call", nullptr}, Then::kConnect);
  }
}

// From now on it waits for the next call.
void ModelServer::Rest(Link& link) {
  idle_.push_back(link.number);
  link.timer.After(limits_.idle, [this, number = link.number] {
    idle_.erase(std::remove(idle_.begin(), idle_.end(), number), idle_.end());
    links_.erase(number);
  });
}

void ModelServer::Finish(Link& link, Finished finished, Then then) {
  link.timer.Cancel();
  const OnFinished on_finished = std::move(link.on_finished);
  const std::unique_ptr<ModelReply> reply = std::move(link.reply);
  link.on_finished = nullptr;
  link.request.clear();
  if (then == Then::kRest) Rest(link);
  if (then == Then::kEnd) links_.erase(link.number);
  if (finished.how == Finished::How::kReplied) {
    pause_ = limits_.first_pause;
    again_.Cancel();
    Change({RuntimeState::Kind::kReady, ""});
  }
  on_finished(std::move(finished));
}

// Nothing is taken until it could be connected to again, which is tried ever more rarely until a call succeeds.
void ModelServer::Away(const Error& error) {
  if (!again_.pending()) {
    const auto half = std::chrono::duration_cast<std::chrono::microseconds>(pause_) / 2;
    const auto drawn = static_cast<std::int64_t>(random_.Unit() * static_cast<double>(half.count()));
    pause_ = std::min(pause_ * 2, limits_.longest_pause);
    again_.After(half + std::chrono::microseconds(drawn), [this] { NewLink(); });
  }
  const bool refused = error.code == ErrorCode::kForbidden || error.code == ErrorCode::kUnauthorized;
  Change({refused ? RuntimeState::Kind::kFailed : RuntimeState::Kind::kAbsent,
          "the model server at " + endpoint_.authority + " cannot be called: " + error.message});
}

void ModelServer::Change(RuntimeState state) {
  if (state == state_ || !on_change_) return;
  state_ = std::move(state);
  on_change_(state_);
}

}  // namespace asya::relay
