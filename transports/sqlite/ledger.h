// Ledger: queues and messages on disk; each change of their state is one guarded statement, run on the writer thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/result.h"
#include "core/base/strong.h"
#include "core/sql/sqlite/database.h"
#include "ports/queue_admin.h"

namespace asya::transports::sqlite {

// Row id of a queue; never used again after its removal.
using QueueId = Strong<struct QueueIdTag, std::int64_t>;
// Row id of a message: the queue's id in the upper bits, so that one table is clustered by queue without any index, and
// a number that only grows while the broker lives in the lower ones.
using MessageId = Strong<struct MessageIdTag, std::int64_t>;

constexpr int kSequenceBits = 40;
inline MessageId FirstOf(QueueId queue) { return MessageId(queue.get() << kSequenceBits); }
inline MessageId EndOf(QueueId queue) { return FirstOf(QueueId(queue.get() + 1)); }

// A message that was added to a queue.
struct Placed {
  QueueId queue;
  MessageId message;
  std::int64_t at_us = 0;  // since the epoch
};

// One queue as the file has it.
struct StoredQueue {
  QueueId id;
  std::string name;
  std::int64_t messages = 0;
  std::int64_t delayed = 0;       // of them with a retry time, past or to come
  MessageId last;                 // highest id; FirstOf(id) when empty
  std::int64_t first_due_us = 0;  // earliest retry time; 0: none
};

std::vector<sql::sqlite::Migration> LedgerMigrations();

// All methods are called on the writer thread, within a job, and the ledger outlives the job; nothing is changed that a
// rollback would not undo, apart from sequence numbers, which then have gaps.
class Ledger {
 public:
  using Transaction = sql::sqlite::Transaction;

  // Reads all queues and sets the sequences.
  Result<std::vector<StoredQueue>> Load(Transaction& transaction);
  // The id of the queue, made if needed. `made` tells which. kConflict: another owner.
  struct Ensured {
    QueueId id;
    bool made = false;
  };
  Result<Ensured> Ensure(Transaction& transaction, const ports::QueueSpec& spec);
  // The id of the removed queue; 0 when there was none. kConflict: it holds messages and `force` is false.
  Result<QueueId> Remove(Transaction& transaction, const std::string& name, bool force);
  // kUnroutable, with the queue in `field`.
  Result<QueueId> Find(Transaction& transaction, const std::string& name);
  Result<Placed> Insert(Transaction& transaction, QueueId queue, std::string_view body, std::int64_t now_us);
  // kConflict: the message is not there any more.
  Status Delete(Transaction& transaction, MessageId message);
  Status Retry(Transaction& transaction, MessageId message, std::string_view body, std::int64_t due_us);
  // A message that is gone is no error: its settlement overtook this.
  Status SetCrashCount(Transaction& transaction, MessageId message, std::int64_t crash_count);

 private:
  std::unordered_map<std::string, QueueId> names_;  // a cache of durable rows
  std::unordered_map<QueueId, std::int64_t> last_sequences_;
};

}  // namespace asya::transports::sqlite
