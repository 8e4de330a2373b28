// What the writer did with the changes of the reactor, and what follows for leases and peers.
#include <limits>
#include <utility>

#include "transports/sqlite/reactor.h"

namespace asya::transports::sqlite {

void Reactor::Hand(Change change) {
  ++changes_under_way_;
  change_bytes_ += change.bytes;
  change.handed_at = clock_.Steady();
  changes_->Add(std::move(change));
  if (change_bytes_ > kChangeBytesMax && !reading_paused_) {
    reading_paused_ = true;
    for (auto& [id, session] : sessions_) Poll(*session);
  }
}

void Reactor::OnOutcome(std::vector<Change> batch, const Status& status) {
  if (!status.ok() && status.error().code == ErrorCode::kUnavailable) {
    // A full or failing disk: nothing happened and nobody is told; the same changes are tried again until it takes
    // them.
    changes_->AddAgain(std::move(batch));
    retry_at_us_ = NowUs() + std::chrono::microseconds(kDiskRetry).count();
    return;
  }
  metrics_.Committed(batch.size());
  const SteadyTime now = clock_.Steady();
  for (Change& change : batch) {
    metrics_.Settled(std::chrono::duration<double>(now - change.handed_at).count());
    --changes_under_way_;
    change_bytes_ -= change.bytes;
    Finish(change, status.ok() ? change.status : status);
  }
  if (reading_paused_ && !stopping_ && change_bytes_ <= kChangeBytesMax / 2) {
    reading_paused_ = false;
    for (auto& [id, session] : sessions_) Poll(*session);
  }
}

void Reactor::Finish(Change& change, const Status& status) {
  if (change.kind == Change::Kind::kCrashCount) return;
  const auto queue_found = queues_.find(change.queue);
  Queue* queue = queue_found == queues_.end() ? nullptr : queue_found->second.get();
  const auto session_found = sessions_.find(change.session);
  Session* session = session_found == sessions_.end() ? nullptr : session_found->second.get();
  // A lease ends without its connection when the queue is removed; the peer has forgotten it by then.
  if (session != nullptr && !session->leases.contains(change.tag)) session = nullptr;
  const bool gone = status.ok() || status.error().code == ErrorCode::kConflict;
  if (status.ok()) Succeed(change, queue);
  if (session != nullptr) {
    if (gone) session->leases.erase(change.tag);
    if (!gone) session->leases.at(change.tag).settling = false;
    session->peer->Settled(change.tag, status);
  }
  if (queue == nullptr || status.ok()) return;
  if (gone) {
    queue->backlog.Drop(change.message);
    return;
  }
  if (change.crash_count > 0) NoteCrashCount(change.queue, change.message, change.crash_count);
  if (session == nullptr) queue->backlog.GiveBack(change.message, change.since_us, change.crash_count);
  Touch(*queue);
}

void Reactor::Succeed(Change& change, Queue* queue) {
  if (queue != nullptr && change.kind == Change::Kind::kAck) {
    ++queue->settled_total;
    queue->backlog.Settle(change.message);
  }
  if (queue != nullptr && change.kind == Change::Kind::kRetry) {
    queue->backlog.Delay(change.message, change.due_us);
    Touch(*queue);
  }
  for (std::size_t i = 0; i < change.placed.size(); ++i) OnArrival(change.placed[i], std::move(change.publish[i].body));
}

void Reactor::OnArrival(const Placed& placed, std::string body) {
  const auto found = queues_.find(placed.queue);
  if (found == queues_.end()) return;
  Queue& queue = *found->second;
  ++queue.arrived_total;
  queue.backlog.Arrive(placed.message, placed.at_us, std::move(body));
  Hint(queue);
  Touch(queue);
}

void Reactor::NoteCrashCount(QueueId queue, MessageId message, std::int64_t value) {
  const std::int64_t write_at_us = NowUs() + std::chrono::microseconds(settings_.crash_count_delay).count();
  crash_counts_[message] = CrashCount{queue, value, write_at_us};
  crash_counts_order_.emplace_back(write_at_us, message);
}

void Reactor::WriteCrashCounts(std::int64_t until_us) {
  while (!crash_counts_order_.empty() && crash_counts_order_.front().first <= until_us) {
    const auto [write_at_us, message] = crash_counts_order_.front();
    crash_counts_order_.pop_front();
    const auto found = crash_counts_.find(message);
    // Settled since, or noted again with a later time.
    if (found == crash_counts_.end() || found->second.write_at_us != write_at_us) continue;
    Change change;
    change.kind = Change::Kind::kCrashCount;
    change.queue = found->second.queue;
    change.message = message;
    change.crash_count = found->second.value;
    crash_counts_.erase(found);
    Hand(std::move(change));
  }
}

}  // namespace asya::transports::sqlite
