// SettleBatch: everything a consumer has to say at one moment, in one transaction.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/sql/postgres/database.h"
#include "ports/message_queue.h"

namespace asya::transports::postgres {

// A lease of the consumer that a settlement or an announcement is about.
struct Leased {
  std::int64_t row = 0;
  std::int64_t crash_count_before = 0;
};

struct Batch {
  std::int64_t owner = 0;  // whose leases they are; each connection of each consumer has its own
  std::string queue;
  std::int64_t queue_id = 0;
  std::int64_t lease_ms = 0;
  std::vector<std::pair<Leased, std::shared_ptr<const ports::Settlement>>> settlements;
  struct Begin {
    Leased leased;
    ports::DeliveryTag tag;
    std::int64_t crash_count = 0;
  };
  std::vector<Begin> begins;
  std::vector<std::int64_t> keep;  // rows whose lease is to be prolonged
  std::int64_t wanted = 0;         // new leases
};

struct Taken {
  std::int64_t row = 0;
  std::int64_t crash_count = 0;
  std::int64_t visible_at_us = 0;
  std::string body;
};

struct BatchOutcome {
  bool queue_gone = false;
  std::vector<Status> settled;  // one per settlement
  std::vector<Status> begun;    // one per begin
  std::vector<Taken> taken;     // in order
  std::int64_t next_ms = -1;    // until the next message of the queue may become free; -1: none is known
};

// kConflict in an outcome: the lease was lost; kUnroutable: a queue that is sent to does not exist. After an error it
// is unknown whether anything happened, but for kInvalid and kTooLarge: nothing did.
Result<BatchOutcome> RunBatch(sql::postgres::Database& database, const Batch& batch);

// Gives the leases of earlier owners to another, and tells their rows: what the earlier ones may still have under way
// finds nothing that is theirs.
Result<std::vector<std::int64_t>> Inherit(sql::postgres::Transaction& transaction, std::int64_t queue_id,
                                          const std::vector<std::int64_t>& from, std::int64_t owner,
                                          std::int64_t lease_ms);

// Those of the rows that the owner still has on lease, in order; their leases begin anew.
Result<std::vector<Taken>> TakeAgain(sql::postgres::Transaction& transaction, const std::vector<std::int64_t>& rows,
                                     std::int64_t owner, std::int64_t lease_ms);

// Ends all leases of owners.
Status Release(sql::postgres::Transaction& transaction, const std::string& queue, std::int64_t queue_id,
               const std::vector<std::int64_t>& owners);

}  // namespace asya::transports::postgres
