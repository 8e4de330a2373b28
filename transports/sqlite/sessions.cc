// The connections of the reactor: what a peer says, and what its end means.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "transports/sqlite/reactor.h"

namespace asya::transports::sqlite {
namespace {

constexpr std::int64_t kRetryDelayUsMax = std::int64_t{10} * 365 * 24 * 3600 * 1'000'000;

std::size_t SizeOf(const ports::Settlement& settlement) {
  std::size_t size = settlement.retry_body.size();
  for (const auto& message : settlement.publish) size += message.body.size();
  return size;
}

}  // namespace

void Reactor::Accept() {
  for (;;) {
    UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd.valid()) {
      if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM) return;
      // Who asks for a connection stays in the backlog of the listener, which is readable all the while.
      accept_at_us_ = NowUs() + std::chrono::microseconds(kAcceptRetry).count();
      WatchListener(0);
      metrics_.AcceptPaused();
      return;
    }
    if (sessions_.size() >= kSessionsMax || stopping_) continue;
    if (sessions_.empty()) sweep_at_ = clock_.Steady() + settings_.lease / 3;
    auto session = std::make_unique<Session>();
    session->id = ++last_session_;
    const auto socket = std::make_shared<SocketPeer>(std::move(fd));
    session->socket = socket.get();
    session->peer = socket;
    session->heard_at = clock_.Steady();
    epoll_event event{};
    event.data.u64 = session->id;
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket->stream().fd(), &event) != 0) continue;
    Poll(*session);
    sessions_.emplace(session->id, std::move(session));
    metrics_.Connections(sessions_.size());
  }
}

void Reactor::Poll(Session& session) {
  if (session.socket == nullptr) return;
  std::uint32_t wanted = reading_paused_ ? 0U : std::uint32_t{EPOLLIN};
  if (session.peer->unsent_bytes() > 0) wanted |= EPOLLOUT;
  if (wanted == session.polled) return;
  epoll_event event{};
  event.events = wanted;
  event.data.u64 = session.id;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, session.socket->stream().fd(), &event) == 0) session.polled = wanted;
}

void Reactor::ReceiveFrom(Session& session) {
  const Status received = session.socket->stream().Receive(
      [&](FrameType type, std::string_view content) { return OnFrame(session, type, content); });
  session.heard_at = clock_.Steady();
  if (!received.ok()) Close(session);
}

Status Reactor::OnFrame(Session& session, FrameType type, std::string_view content) {
  if (type != FrameType::kHello && session.queue_name.empty()) return Invalid("", "the first frame is not a hello");
  FrameReader frame(content);
  switch (type) {
    case FrameType::kHello:
      return OnHello(session, frame);
    case FrameType::kGrant: {
      const std::size_t count = frame.U32();
      if (!frame.Whole()) return Invalid("", "malformed frame: grant");
      Grant(session, count);
      return Ok();
    }
    case FrameType::kRevoke:
      Revoke(session);
      return Ok();
    case FrameType::kBegin:
      return OnBegin(session, frame);
    case FrameType::kSettle: {
      ASYA_TRY(ports::Settlement settlement, ReadSettle(content, settings_.message_limit_bytes));
      Settle(session, std::move(settlement));
      return Ok();
    }
    case FrameType::kPing:
      session.socket->Pong();
      return Ok();
    case FrameType::kWelcome:
    case FrameType::kWaiting:
    case FrameType::kRefused:
    case FrameType::kDelivery:
    case FrameType::kSettled:
    case FrameType::kPong:
      break;
  }
  return Invalid("", "a frame of unknown type");
}

Status Reactor::OnHello(Session& session, FrameReader frame) {
  const int version = frame.U8();
  const std::string name(frame.Bytes(kQueueNameBytesMax));
  const bool whole = frame.Whole() && !name.empty() && session.queue_name.empty();
  if (version != kProtocolVersion || !whole) {
    session.socket->Refuse("the broker speaks version " + std::to_string(kProtocolVersion) +
                           " of the protocol, the client " + std::to_string(version));
    static_cast<void>(session.peer->Flush());
    return Invalid("", "malformed frame: hello");
  }
  Enter(session, name);
  return Ok();
}

void Reactor::Enter(Session& session, const std::string& queue_name) {
  session.queue_name = queue_name;
  if (const auto found = queues_by_name_.find(queue_name); found != queues_by_name_.end()) {
    Attach(session, *found->second);
  } else {
    session.peer->Waiting("queue " + queue_name + " does not exist yet");
  }
}

Reactor::Session& Reactor::Join(const std::string& queue, std::shared_ptr<Peer> peer) {
  auto session = std::make_unique<Session>();
  session->id = ++last_session_;
  session->peer = std::move(peer);
  Session& joined = *sessions_.emplace(session->id, std::move(session)).first->second;
  metrics_.Connections(sessions_.size());
  Enter(joined, queue);
  return joined;
}

void Reactor::Grant(Session& session, std::size_t count) {
  if (session.queue == nullptr) return;
  session.credits = std::min(session.credits + count, kCreditsMax);
  Touch(*session.queue);
}

void Reactor::Revoke(Session& session) { session.credits = 0; }

void Reactor::Attach(Session& session, Queue& queue) {
  session.queue = &queue;
  queue.sessions.push_back(&session);
  session.peer->Welcome(settings_.lease, settings_.message_limit_bytes);
}

Status Reactor::OnBegin(Session& session, FrameReader frame) {
  const std::uint64_t tag = frame.U64();
  const std::int64_t crash_count = frame.I64();
  if (!frame.Whole() || crash_count < 0) return Invalid("", "malformed frame: begin");
  // A lease is lost only with its connection or its queue, and the peer is told of either.
  Begin(session, tag, crash_count);
  return Ok();
}

bool Reactor::Begin(Session& session, std::uint64_t tag, std::int64_t crash_count) {
  const auto found = session.leases.find(tag);
  if (found == session.leases.end() || found->second.settling) return false;
  found->second.crash_count = crash_count;
  NoteCrashCount(session.queue->id, found->second.message, crash_count);
  return true;
}

void Reactor::Settle(Session& session, ports::Settlement settlement) {
  const std::uint64_t tag = settlement.tag.get();
  const auto found = session.leases.find(tag);
  if (found == session.leases.end() || found->second.settling) {
    return session.peer->Settled(tag, Fail(ErrorCode::kConflict, "the lease was lost"));
  }
  if (settlement.action == ports::Settlement::Action::kGiveBack) {
    GiveBack(session, tag, settlement.crash_count);
    return session.peer->Settled(tag, Ok());
  }
  LeaseOf& lease = found->second;
  lease.settling = true;
  crash_counts_.erase(lease.message);
  Change change;
  change.session = session.id;
  change.tag = tag;
  change.queue = session.queue->id;
  change.message = lease.message;
  change.since_us = lease.since_us;
  change.crash_count = lease.crash_count;
  change.bytes = SizeOf(settlement);
  if (settlement.action == ports::Settlement::Action::kRetry) {
    change.kind = Change::Kind::kRetry;
    change.retry_body = std::move(settlement.retry_body);
    change.due_us = NowUs() + std::min(settlement.retry_delay.count(), kRetryDelayUsMax);
  } else {
    change.publish = std::move(settlement.publish);
  }
  Hand(std::move(change));
}

void Reactor::GiveBack(Session& session, std::uint64_t tag, std::int64_t known_crashes) {
  const LeaseOf lease = session.leases.at(tag);
  const std::int64_t crash_count = std::max(lease.crash_count_before, known_crashes);
  session.leases.erase(tag);
  Queue& queue = *session.queue;
  if (lease.crash_count != crash_count) NoteCrashCount(queue.id, lease.message, crash_count);
  queue.backlog.GiveBack(lease.message, lease.since_us, crash_count);
  Touch(queue);
}

void Reactor::Close(Session& session) {
  if (session.queue != nullptr) {
    Queue& queue = *session.queue;
    std::erase(queue.sessions, &session);
    // From the last to the first, each to the front: they keep their order. What is being settled waits for its
    // outcome.
    for (auto entry = session.leases.rbegin(); entry != session.leases.rend(); ++entry) {
      const LeaseOf& lease = entry->second;
      if (!lease.settling) queue.backlog.GiveBack(lease.message, lease.since_us, lease.crash_count);
    }
    Touch(queue);
  }
  sessions_.erase(session.id);
  metrics_.Connections(sessions_.size());
}

void Reactor::SweepSilent() {
  const SteadyTime now = clock_.Steady();
  sweep_at_ = now + settings_.lease / 3;
  std::vector<Session*> silent;
  for (auto& [id, session] : sessions_) {
    // While reading is paused nobody can be heard; who is in this process need not say that it lives.
    if (reading_paused_ || session->socket == nullptr) session->heard_at = now;
    if (now - session->heard_at >= settings_.lease) silent.push_back(session.get());
  }
  for (Session* session : silent) Close(*session);
}

void Reactor::OnQueueMade(QueueId id, const std::string& name) {
  if (queues_.contains(id)) return;
  auto queue = std::make_unique<Queue>(StoredQueue{.id = id, .name = name, .last = FirstOf(id)}, fresh_bytes_);
  for (auto& [key, session] : sessions_) {
    if (session->queue_name == name && session->queue == nullptr) Attach(*session, *queue);
  }
  queues_by_name_[name] = queue.get();
  queues_[id] = std::move(queue);
}

void Reactor::OnQueueRemoved(QueueId id) {
  const auto found = queues_.find(id);
  if (found == queues_.end()) return;
  Queue& queue = *found->second;
  for (Session* session : queue.sessions) {
    session->queue = nullptr;
    session->credits = 0;
    session->leases.clear();
    session->peer->Waiting("queue " + queue.name + " was removed");
  }
  std::erase(touched_, &queue);
  std::erase(hinted_, &queue);
  due_.erase({queue.scheduled_us, id});
  queues_by_name_.erase(queue.name);
  queues_.erase(found);
}

}  // namespace asya::transports::sqlite
