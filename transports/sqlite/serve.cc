// From the backlogs to the connections that have credits.
#include <utility>

#include "transports/sqlite/reactor.h"

namespace asya::transports::sqlite {

void Reactor::Touch(Queue& queue) {
  if (queue.touched) return;
  queue.touched = true;
  touched_.push_back(&queue);
}

void Reactor::Hint(Queue& queue) {
  if (queue.hinted) return;
  queue.hinted = true;
  hinted_.push_back(&queue);
}

void Reactor::ServeTouched() {
  std::vector<Queue*> now;
  now.swap(touched_);
  for (Queue* queue : now) {
    queue->touched = false;
    if (Serve(*queue).ok()) {
      Schedule(*queue);
    } else {
      // The file cannot be read: the messages are safe where they are, so try again later, also what is due already.
      ScheduleAt(*queue, NowUs() + std::chrono::microseconds(kReadRetry).count());
    }
  }
}

Status Reactor::Serve(Queue& queue) {
  for (;;) {
    ASYA_TRY(const Served served, ServeFrom(queue, nullptr));
    if (served == Served::kAll) return Ok();
    ASYA_TRY_STATUS(reader_->Read([&](sql::sqlite::Transaction& transaction) -> Status {
      ASYA_TRY(const Served rest, ServeFrom(queue, &transaction));
      static_cast<void>(rest);
      return Ok();
    }));
  }
}

Result<Reactor::Served> Reactor::ServeFrom(Queue& queue, sql::sqlite::Transaction* transaction) {
  for (;;) {
    const std::int64_t now_us = NowUs();
    if (queue.backlog.WantsRefill(now_us)) {
      if (transaction == nullptr) return Served::kNeedsFile;
      ASYA_TRY(const bool woke, queue.backlog.Refill(*transaction, now_us));
      if (woke) Hint(queue);
    }
    if (queue.backlog.empty()) return Served::kAll;
    Session* session = NextWithRoom(queue);
    if (session == nullptr) return Served::kAll;
    if (transaction == nullptr && !queue.backlog.next_has_body()) return Served::kNeedsFile;
    ASYA_TRY_STATUS(Deliver(queue, *session, transaction));
  }
}

Reactor::Session* Reactor::NextWithRoom(Queue& queue) {
  for (std::size_t seen = 0; seen < queue.sessions.size(); ++seen) {
    Session* session = queue.sessions.front();
    queue.sessions.pop_front();
    queue.sessions.push_back(session);
    if (session->credits > 0 && session->peer->unsent_bytes() <= kUnsentBytesMax) return session;
  }
  return nullptr;
}

Status Reactor::Deliver(Queue& queue, Session& session, sql::sqlite::Transaction* transaction) {
  Ready ready = queue.backlog.Lease();
  std::string_view body = ready.body;
  if (!ready.has_body) {
    auto read = [&]() -> Result<bool> {
      ASYA_TRY(auto* const row, transaction->Prepare("SELECT body, crash_count FROM messages WHERE id = ?"));
      row->Bind(1, ready.message.get());
      ASYA_TRY(const bool there, row->Step());
      if (!there) return false;
      body = row->View(0);
      if (ready.crash_count < 0) ready.crash_count = row->Int(1);
      return true;
    };
    const auto there = read();
    if (!there.ok()) {
      queue.backlog.GiveBack(ready.message, ready.since_us, ready.crash_count);
      return there.error();
    }
    if (!*there) {
      // Only the removal of the queue takes a message that is not leased; its news is on the way here.
      queue.backlog.Drop(ready.message);
      return Ok();
    }
  }
  const std::uint64_t tag = ++session.last_tag;
  session.leases.emplace(tag, LeaseOf{ready.message, ready.since_us, ready.crash_count, ready.crash_count, false});
  --session.credits;
  session.peer->Deliver(tag, ready.crash_count, ready.since_us, body);
  return Ok();
}

void Reactor::Schedule(Queue& queue) {
  // A queue without room is looked at again when it is touched; its time has come already.
  std::int64_t next_us = queue.backlog.next_due_us();
  if (next_us != 0 && next_us <= NowUs() && !queue.backlog.WantsRefill(NowUs())) next_us = 0;
  ScheduleAt(queue, next_us);
}

void Reactor::ScheduleAt(Queue& queue, std::int64_t next_us) {
  if (next_us == queue.scheduled_us) return;
  if (queue.scheduled_us != 0) due_.erase({queue.scheduled_us, queue.id});
  queue.scheduled_us = next_us;
  if (next_us != 0) due_.insert({next_us, queue.id});
}

ports::QueueStats Reactor::KnownStats(const Queue& queue, std::int64_t now_us) const {
  ports::QueueStats stats;
  stats.visible = queue.backlog.visible();
  stats.delayed = queue.backlog.delayed();
  stats.in_flight = queue.backlog.in_flight();
  stats.arrived_total = queue.arrived_total;
  stats.settled_total = queue.settled_total;
  if (queue.backlog.oldest_us() != 0) {
    stats.oldest_age = std::chrono::microseconds(std::max<std::int64_t>(0, now_us - queue.backlog.oldest_us()));
  }
  return stats;
}

std::vector<std::pair<std::string, ports::QueueStats>> Reactor::AllStats(std::size_t limit) {
  const std::int64_t now_us = NowUs();
  std::vector<std::pair<std::string, ports::QueueStats>> busy;
  std::vector<std::pair<std::string, ports::QueueStats>> idle;
  for (const auto& [name, queue] : queues_by_name_) {
    const ports::QueueStats stats = KnownStats(*queue, now_us);
    auto& group = stats.visible + stats.delayed + stats.in_flight > 0 ? busy : idle;
    if (group.size() < limit) group.emplace_back(name, stats);
  }
  for (std::size_t i = 0; i < idle.size() && busy.size() < limit; ++i) busy.push_back(std::move(idle[i]));
  return busy;
}

Result<ports::QueueStats> Reactor::Stats(const std::string& name) {
  const auto found = queues_by_name_.find(name);
  if (found == queues_by_name_.end()) return Fail(ErrorCode::kNotFound, "there is no queue " + name);
  Queue& queue = *found->second;
  const std::int64_t now_us = NowUs();
  ports::QueueStats stats = KnownStats(queue, now_us);
  if (queue.backlog.next_due_us() == 0 || queue.backlog.next_due_us() > now_us) return stats;
  // Some are due that are not loaded: there is no room for them, or their time came a moment ago.
  std::int64_t due = 0;
  ASYA_TRY_STATUS(reader_->Read([&](sql::sqlite::Transaction& transaction) -> Status {
    ASYA_TRY(due, queue.backlog.CountDue(transaction, now_us));
    return Ok();
  }));
  stats.visible += due;
  stats.delayed -= due;
  return stats;
}

}  // namespace asya::transports::sqlite
