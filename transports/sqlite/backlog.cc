#include "transports/sqlite/backlog.h"

#include <utility>

namespace asya::transports::sqlite {

Backlog::Backlog(const StoredQueue& stored, std::size_t& fresh_bytes)
    : queue_(stored.id),
      fresh_bytes_(fresh_bytes),
      last_(stored.last),
      frontier_(FirstOf(stored.id)),
      unloaded_(stored.messages - stored.delayed),
      delayed_(stored.delayed),
      next_due_us_(stored.first_due_us) {}

Backlog::~Backlog() {
  for (Ready& ready : ready_) ForgetBody(ready);
}

void Backlog::ForgetBody(Ready& ready) {
  if (!ready.has_body) return;
  fresh_bytes_ -= ready.body.size();
  ready.has_body = false;
}

void Backlog::Arrive(MessageId message, std::int64_t at_us, std::string body) {
  last_ = message;
  if (unloaded_ > 0 || ready_.size() >= kReadyMax) {
    ++unloaded_;
    return;
  }
  frontier_ = message;
  Ready ready{message, at_us, 0, {}, false};
  if (fresh_bytes_ + body.size() <= kFreshBytesMax) {
    fresh_bytes_ += body.size();
    ready.body = std::move(body);
    ready.has_body = true;
  }
  ready_.push_back(std::move(ready));
}

void Backlog::GiveBack(MessageId message, std::int64_t since_us, std::int64_t crash_count) {
  leased_.erase(message);
  ready_.push_front(Ready{message, since_us, crash_count, {}, false});
}

void Backlog::Delay(MessageId message, std::int64_t due_us) {
  leased_.erase(message);
  if (due_us < cursor_due_us_ || (due_us == cursor_due_us_ && message <= cursor_message_)) {
    // It was due before its commit was known here, and Refill went past it because it was still leased.
    ready_.push_back(Ready{message, due_us, 0, {}, false});
    return;
  }
  ++delayed_;
  if (next_due_us_ == 0 || due_us < next_due_us_) next_due_us_ = due_us;
}

void Backlog::Settle(MessageId message) { leased_.erase(message); }

Ready Backlog::Lease() {
  Ready ready = std::move(ready_.front());
  ready_.pop_front();
  leased_.insert(ready.message);
  if (ready.has_body) fresh_bytes_ -= ready.body.size();
  return ready;
}

bool Backlog::WantsRefill(std::int64_t now_us) const {
  const bool due = next_due_us_ != 0 && next_due_us_ <= now_us;
  return (unloaded_ > 0 && ready_.size() < kReadyLow) || (due && ready_.size() < kReadyMax);
}

Result<bool> Backlog::Refill(sql::sqlite::Transaction& transaction, std::int64_t now_us) {
  bool woke = false;
  if (next_due_us_ != 0 && next_due_us_ <= now_us && ready_.size() < kReadyMax) {
    ASYA_TRY(woke, LoadDue(transaction, now_us));
  }
  if (unloaded_ > 0 && ready_.size() < kReadyLow) ASYA_TRY_STATUS(LoadFresh(transaction));
  return woke;
}

Status Backlog::LoadFresh(sql::sqlite::Transaction& transaction) {
  // Not beyond last_: the snapshot may hold messages whose arrival has not been told here yet.
  ASYA_TRY(auto* const rows,
           transaction.Prepare("SELECT id, enqueued_at_us FROM messages "
                               "WHERE id > ?1 AND id <= ?2 AND visible_at_us = 0 ORDER BY id LIMIT ?3"));
  const auto room = static_cast<std::int64_t>(kReadyMax - ready_.size());
  rows->Bind(1, frontier_.get()).Bind(2, last_.get()).Bind(3, room);
  std::int64_t loaded = 0;
  for (;;) {
    ASYA_TRY(const bool row, rows->Step());
    if (!row) break;
    ++loaded;
    frontier_ = MessageId(rows->Int(0));
    ready_.push_back(Ready{frontier_, rows->Int(1), -1, {}, false});
  }
  unloaded_ -= loaded;
  if (loaded < room) {
    frontier_ = last_;
    unloaded_ = 0;
  }
  return Ok();
}

Result<bool> Backlog::LoadDue(sql::sqlite::Transaction& transaction, std::int64_t now_us) {
  ASYA_TRY(auto* const rows,
           transaction.Prepare("SELECT id, visible_at_us FROM messages WHERE id >> 40 = ?1 AND visible_at_us > 0 "
                               "AND (visible_at_us, id) > (?2, ?3) ORDER BY visible_at_us, id LIMIT ?4"));
  const std::size_t room = kReadyMax - ready_.size();
  // One more than fits, to learn when the next one is due.
  rows->Bind(1, queue_.get()).Bind(2, cursor_due_us_).Bind(3, cursor_message_.get());
  rows->Bind(4, static_cast<std::int64_t>(room + 1));
  bool woke = false;
  for (std::size_t seen = 0;; ++seen) {
    ASYA_TRY(const bool row, rows->Step());
    if (!row) {
      next_due_us_ = 0;
      return woke;
    }
    const MessageId message(rows->Int(0));
    const std::int64_t due_us = rows->Int(1);
    // Leased: delivered before, or retried by a commit that has not been told here yet; Delay() will place that one.
    const bool leased = leased_.contains(message);
    if (!leased && (due_us > now_us || seen >= room)) {
      next_due_us_ = due_us;
      return woke;
    }
    if (due_us > now_us) continue;
    cursor_due_us_ = due_us;
    cursor_message_ = message;
    if (leased) continue;
    ready_.push_back(Ready{message, due_us, -1, {}, false});
    --delayed_;
    woke = true;
  }
}

Result<std::int64_t> Backlog::CountDue(sql::sqlite::Transaction& transaction, std::int64_t now_us) const {
  ASYA_TRY(auto* const rows, transaction.Prepare("SELECT id FROM messages WHERE id >> 40 = ?1 AND visible_at_us > 0 "
                                                 "AND (visible_at_us, id) > (?2, ?3) AND visible_at_us <= ?4"));
  rows->Bind(1, queue_.get()).Bind(2, cursor_due_us_).Bind(3, cursor_message_.get()).Bind(4, now_us);
  std::int64_t due = 0;
  for (;;) {
    ASYA_TRY(const bool row, rows->Step());
    if (!row) return due;
    if (!leased_.contains(MessageId(rows->Int(0)))) ++due;
  }
}

}  // namespace asya::transports::sqlite
