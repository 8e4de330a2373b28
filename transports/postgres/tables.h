// Tables: the schema of queues and messages in PostgreSQL, and the statements that several parts share.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/sql/postgres/database.h"
#include "ports/message_queue.h"

namespace asya::transports::postgres {

constexpr std::size_t kMessageBytesMax = 4 * 1024 * 1024;
constexpr const char* kHintChannel = "asya_queue";  // payload: delay in milliseconds, space, queue name

// Components "transports" from version 1 on.
std::vector<sql::postgres::Migration> Migrations();

using QueueIds = std::map<std::string, std::int64_t>;

// The queues that exist of those named; they cannot be removed before the transaction ends.
Result<QueueIds> FindQueues(sql::postgres::Transaction& transaction, const std::vector<std::string>& names);
// kUnroutable with the queue in `field`, or kTooLarge, for the first message that is not to be sent.
Status CheckRoutes(const std::vector<ports::Outgoing>& messages, const QueueIds& queues);
Status CheckSizes(const std::vector<ports::Outgoing>& messages);

// Rows to add, column by column. They see the bodies of the messages added, which have to outlive them.
struct NewMessages {
  std::vector<std::int64_t> queues;
  std::vector<std::string_view> bodies;
  void Add(const std::vector<ports::Outgoing>& messages, const QueueIds& ids);
};
Status Insert(sql::postgres::Transaction& transaction, const NewMessages& messages);

// What to add to the counters of a queue.
struct Totals {
  std::int64_t arrived = 0;
  std::int64_t settled = 0;
};
// Which of the rows of a queue's totals a writer adds to, of 0..15, so that they seldom wait for each other.
std::int64_t ShardOf(std::int64_t writer);
Status AddTotals(sql::postgres::Transaction& transaction, const std::map<std::int64_t, Totals>& totals,
                 std::int64_t shard);

// The delay in a hint that is not about work: the queue was made or removed.
constexpr std::int64_t kQueueChanged = -1;

// Sends hints when the transaction is committed: queue name -> milliseconds until there is work, or kQueueChanged.
Status Notify(sql::postgres::Transaction& transaction, const std::map<std::string, std::int64_t>& hints);
struct Hint {
  std::int64_t delay_ms = 0;
  std::string queue;
};
Hint ParseHint(const std::string& payload);

}  // namespace asya::transports::postgres
