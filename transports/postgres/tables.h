// Tables: the schema of queues and messages in PostgreSQL, and the statements that several parts share.
#pragma once

#include <cstdint>
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

// PostgreSQL refuses a text with a NUL; no queue is called so.
bool CanBeNamed(const std::string& queue);
// kUnroutable, with the queue in `field`.
Error NoQueue(const std::string& queue);
// kTooLarge for the first message that is not to be sent.
Status CheckSizes(const std::vector<ports::Outgoing>& messages);

// Which of the rows of a queue's totals a writer adds to, of 0..15, so that they seldom wait for each other.
std::int64_t ShardOf(std::int64_t writer);

// The delay in a hint that is not about work: the queue was made or removed.
constexpr std::int64_t kQueueChanged = -1;

// Sends a hint when the transaction is committed: milliseconds until there is work, or kQueueChanged.
Status Notify(sql::postgres::Transaction& transaction, const std::string& queue, std::int64_t delay_ms);
struct Hint {
  std::int64_t delay_ms = 0;
  std::string queue;
};
Hint ParseHint(const std::string& payload);

}  // namespace asya::transports::postgres
