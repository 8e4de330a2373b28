// Backlog: which messages of one queue wait, are delayed or leased, kept in bounded memory beside the file.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_set>

#include "core/base/result.h"
#include "core/sql/sqlite/database.h"
#include "transports/sqlite/ledger.h"

namespace asya::transports::sqlite {

constexpr std::size_t kReadyMax = 1024;                  // ids in memory per queue; the rest is found in the file again
constexpr std::size_t kReadyLow = 256;                   // refilled below this
constexpr std::size_t kFreshBytesMax = 4 * 1024 * 1024;  // bodies kept in memory by one broker until they are delivered

// One message that can be delivered now.
struct Ready {
  MessageId message;
  std::int64_t since_us = 0;      // when it became visible
  std::int64_t crash_count = -1;  // -1: as in the file
  std::string body;
  bool has_body = false;  // else it is read from the file
};

// Belongs to the broker's thread. Messages reach it in the order of their commits:
//  - fresh ones (never retried) have growing ids; those up to `frontier_` were loaded, those up to `last_` exist;
//  - retried ones are found by (due time, id); those up to `cursor_` were loaded;
//  - a loaded one is in `ready_` or leased.
class Backlog {
 public:
  // `fresh_bytes`: of all backlogs of the broker, bounded by kFreshBytesMax.
  Backlog(const StoredQueue& stored, std::size_t& fresh_bytes);
  ~Backlog();
  Backlog(const Backlog&) = delete;
  Backlog& operator=(const Backlog&) = delete;

  // A new message is durable.
  void Arrive(MessageId message, std::int64_t at_us, std::string body);
  // A leased message goes back: to the front, in front of those given back before it.
  void GiveBack(MessageId message, std::int64_t since_us, std::int64_t crash_count);
  // A leased message is durably delayed.
  void Delay(MessageId message, std::int64_t due_us);
  // A leased message is durably gone.
  void Settle(MessageId message);

  // Whether the file holds more that could be loaded now.
  [[nodiscard]] bool WantsRefill(std::int64_t now_us) const;
  // Loads fresh and due messages while there is room. True when a delayed one became ready. After an error, call it
  // again: what was loaded stays, and next_due_us() is as before.
  Result<bool> Refill(sql::sqlite::Transaction& transaction, std::int64_t now_us);

  [[nodiscard]] bool empty() const { return ready_.empty(); }
  [[nodiscard]] bool next_has_body() const { return ready_.front().has_body; }
  // How many delayed ones are due and not loaded.
  Result<std::int64_t> CountDue(sql::sqlite::Transaction& transaction, std::int64_t now_us) const;
  // Takes the next one as leased.
  Ready Lease();
  // A leased message that turned out not to be in the file.
  void Drop(MessageId message) { leased_.erase(message); }

  // When Refill should be called for the next delayed message; 0: none waits.
  [[nodiscard]] std::int64_t next_due_us() const { return next_due_us_; }
  [[nodiscard]] std::int64_t visible() const { return static_cast<std::int64_t>(ready_.size()) + unloaded_; }
  [[nodiscard]] std::int64_t delayed() const { return delayed_; }
  [[nodiscard]] std::int64_t in_flight() const { return static_cast<std::int64_t>(leased_.size()); }
  // 0: nothing is visible.
  [[nodiscard]] std::int64_t oldest_us() const { return ready_.empty() ? 0 : ready_.front().since_us; }

 private:
  void ForgetBody(Ready& ready);
  Status LoadFresh(sql::sqlite::Transaction& transaction);
  Result<bool> LoadDue(sql::sqlite::Transaction& transaction, std::int64_t now_us);

  const QueueId queue_;
  std::size_t& fresh_bytes_;
  std::deque<Ready> ready_;
  std::unordered_set<MessageId> leased_;
  MessageId last_;
  MessageId frontier_;
  std::int64_t unloaded_ = 0;  // fresh ones beyond the frontier
  std::int64_t delayed_ = 0;   // retried ones beyond the cursor
  std::int64_t cursor_due_us_ = 0;
  MessageId cursor_message_;
  std::int64_t next_due_us_ = 0;
};

}  // namespace asya::transports::sqlite
