#include "transports/sqlite/ledger.h"

namespace asya::transports::sqlite {
namespace {

constexpr std::size_t kNamesMax = 100'000;  // cached; the cache starts again when it is full

// visible_at_us is 0 for a message that was never retried; then it became visible at enqueued_at_us.
constexpr const char* kSchema1 =
    "CREATE TABLE queues("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  name TEXT NOT NULL UNIQUE,"
    "  owner_uid TEXT NOT NULL) STRICT;"
    "CREATE TABLE messages("
    "  id INTEGER PRIMARY KEY,"
    "  enqueued_at_us INTEGER NOT NULL,"
    "  visible_at_us INTEGER NOT NULL DEFAULT 0,"
    "  crash_count INTEGER NOT NULL DEFAULT 0,"
    "  body BLOB NOT NULL) STRICT;"
    "CREATE INDEX messages_by_due ON messages(id >> 40, visible_at_us, id) WHERE visible_at_us > 0;";

Error Gone() { return Fail(ErrorCode::kConflict, "the message is not in its queue any more"); }

}  // namespace

std::vector<sql::sqlite::Migration> LedgerMigrations() { return {sql::sqlite::Migration{"transports", 1, kSchema1}}; }

Result<std::vector<StoredQueue>> Ledger::Load(Transaction& transaction) {
  std::vector<StoredQueue> queues;
  ASYA_TRY(auto* const names, transaction.Prepare("SELECT id, name FROM queues ORDER BY id"));
  ASYA_TRY(auto* const counts, transaction.Prepare("SELECT count(*), count(nullif(visible_at_us, 0)), max(id), "
                                                   "coalesce(min(nullif(visible_at_us, 0)), 0) "
                                                   "FROM messages WHERE id >= ?1 AND id < ?2"));
  for (;;) {
    ASYA_TRY(const bool named, names->Step());
    if (!named) break;
    StoredQueue queue;
    queue.id = QueueId(names->Int(0));
    queue.name = names->Text(1);
    counts->Reset();
    counts->Bind(1, FirstOf(queue.id).get()).Bind(2, EndOf(queue.id).get());
    ASYA_TRY(const bool counted, counts->Step());
    if (!counted) return Fail(ErrorCode::kInternal, "a count without a row");
    queue.messages = counts->Int(0);
    queue.delayed = counts->Int(1);
    queue.last = counts->IsNull(2) ? FirstOf(queue.id) : MessageId(counts->Int(2));
    queue.first_due_us = counts->Int(3);
    auto& sequence = last_sequences_[queue.id];
    sequence = std::max(sequence, queue.last.get() - FirstOf(queue.id).get());
    queues.push_back(std::move(queue));
  }
  return queues;
}

Result<Ledger::Ensured> Ledger::Ensure(Transaction& transaction, const ports::QueueSpec& spec) {
  ASYA_TRY(auto* const insert,
           transaction.Prepare("INSERT INTO queues(name, owner_uid) VALUES(?, ?) ON CONFLICT DO NOTHING"));
  ASYA_TRY_STATUS(insert->Bind(1, spec.name).Bind(2, spec.owner_uid).Run());
  const bool made = transaction.Changes() == 1;
  ASYA_TRY(auto* const found, transaction.Prepare("SELECT id, owner_uid FROM queues WHERE name = ?"));
  found->Bind(1, spec.name);
  ASYA_TRY(const bool there, found->Step());
  if (!there) return Fail(ErrorCode::kInternal, "a queue just made is not there");
  if (found->View(1) != spec.owner_uid) {
    return Fail(ErrorCode::kConflict, "queue " + spec.name + " belongs to another owner (" + found->Text(1) + ")");
  }
  return Ensured{QueueId(found->Int(0)), made};
}

Result<QueueId> Ledger::Remove(Transaction& transaction, const std::string& name, bool force) {
  auto queue = Find(transaction, name);
  if (!queue.ok()) return queue.error().code == ErrorCode::kUnroutable ? Result<QueueId>(QueueId(0)) : queue;
  const std::int64_t first = FirstOf(*queue).get();
  const std::int64_t end = EndOf(*queue).get();
  ASYA_TRY(auto* const count, transaction.Prepare("SELECT count(*) FROM messages WHERE id >= ?1 AND id < ?2"));
  count->Bind(1, first).Bind(2, end);
  ASYA_TRY(const bool counted, count->Step());
  const std::int64_t held = counted ? count->Int(0) : 0;
  if (held > 0 && !force) {
    return Fail(ErrorCode::kConflict, "queue " + name + " holds " + std::to_string(held) + " messages");
  }
  ASYA_TRY(auto* const messages, transaction.Prepare("DELETE FROM messages WHERE id >= ?1 AND id < ?2"));
  ASYA_TRY_STATUS(messages->Bind(1, first).Bind(2, end).Run());
  ASYA_TRY(auto* const removed, transaction.Prepare("DELETE FROM queues WHERE id = ?"));
  ASYA_TRY_STATUS(removed->Bind(1, queue->get()).Run());
  names_.erase(name);
  // Not before: a rollback must not start the sequence of a living queue again.
  transaction.AfterCommit([this, name, id = *queue] {
    names_.erase(name);
    last_sequences_.erase(id);
  });
  return *queue;
}

Result<QueueId> Ledger::Find(Transaction& transaction, const std::string& name) {
  if (const auto known = names_.find(name); known != names_.end()) return known->second;
  ASYA_TRY(auto* const found, transaction.Prepare("SELECT id FROM queues WHERE name = ?"));
  found->Bind(1, name);
  ASYA_TRY(const bool there, found->Step());
  if (!there) return Error{ErrorCode::kUnroutable, "there is no queue " + name, name};
  const QueueId queue(found->Int(0));
  // Not before: the queue may have been made by a job of this same commit, which may yet fail.
  transaction.AfterCommit([this, name, queue] {
    if (names_.size() >= kNamesMax) names_.clear();
    names_.emplace(name, queue);
  });
  return queue;
}

Result<Placed> Ledger::Insert(Transaction& transaction, QueueId queue, std::string_view body, std::int64_t now_us) {
  const MessageId message(FirstOf(queue).get() + ++last_sequences_[queue]);
  ASYA_TRY(auto* const insert, transaction.Prepare("INSERT INTO messages(id, enqueued_at_us, body) VALUES(?, ?, ?)"));
  ASYA_TRY_STATUS(insert->Bind(1, message.get()).Bind(2, now_us).BindBlob(3, body).Run());
  return Placed{queue, message, now_us};
}

Status Ledger::Delete(Transaction& transaction, MessageId message) {
  ASYA_TRY(auto* const removed, transaction.Prepare("DELETE FROM messages WHERE id = ?"));
  ASYA_TRY_STATUS(removed->Bind(1, message.get()).Run());
  return transaction.Changes() == 1 ? Ok() : Status(Gone());
}

Status Ledger::Retry(Transaction& transaction, MessageId message, std::string_view body, std::int64_t due_us) {
  ASYA_TRY(auto* const change,
           transaction.Prepare("UPDATE messages SET body = ?2, visible_at_us = ?3, crash_count = 0 WHERE id = ?1"));
  ASYA_TRY_STATUS(change->Bind(1, message.get()).BindBlob(2, body).Bind(3, due_us).Run());
  return transaction.Changes() == 1 ? Ok() : Status(Gone());
}

Status Ledger::SetCrashCount(Transaction& transaction, MessageId message, std::int64_t crash_count) {
  ASYA_TRY(auto* const change, transaction.Prepare("UPDATE messages SET crash_count = ?2 WHERE id = ?1"));
  return change->Bind(1, message.get()).Bind(2, crash_count).Run();
}

}  // namespace asya::transports::sqlite
