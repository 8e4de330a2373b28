#include "transports/sqlite/changes.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace asya::transports::sqlite {

Changes::Changes(sql::sqlite::Database& database, std::shared_ptr<Ledger> ledger, const Clock& clock, Outcome outcome)
    : database_(database), ledger_(std::move(ledger)), clock_(clock), outcome_(std::move(outcome)) {}

void Changes::Add(Change change) {
  const std::lock_guard lock(mutex_);
  change.number = ++last_number_;
  waiting_.push_back(std::move(change));
}

void Changes::AddAgain(std::vector<Change> batch) {
  const std::lock_guard lock(mutex_);
  for (Change& change : batch) {
    change.status = Ok();
    change.placed.clear();
  }
  // Batches come back in the order in which they failed, and each is older than what waits: a merge keeps the order.
  std::vector<Change> merged;
  merged.reserve(waiting_.size() + batch.size());
  std::merge(std::make_move_iterator(batch.begin()), std::make_move_iterator(batch.end()),
             std::make_move_iterator(waiting_.begin()), std::make_move_iterator(waiting_.end()),
             std::back_inserter(merged), [](const Change& a, const Change& b) { return a.number < b.number; });
  waiting_ = std::move(merged);
}

bool Changes::empty() {
  const std::lock_guard lock(mutex_);
  return waiting_.empty();
}

std::vector<Change> Changes::TakeAll() {
  const std::lock_guard lock(mutex_);
  job_waits_ = false;
  return std::exchange(waiting_, {});
}

bool Changes::Flush() {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty() || job_waits_) return true;
    job_waits_ = true;
  }
  auto batch = std::make_shared<std::vector<Change>>();
  auto job = [self = shared_from_this(), batch](sql::sqlite::Transaction& transaction) -> Status {
    if (batch->empty()) *batch = self->TakeAll();
    for (Change& change : *batch) {
      change.placed.clear();
      change.status = self->Write(transaction, change);
      // What is wrong with one change concerns it alone; what is wrong with the file concerns all.
      if (change.status.ok() || change.status.error().code == ErrorCode::kConflict) continue;
      if (change.status.error().code != ErrorCode::kUnroutable) return change.status;
    }
    // Another job has taken all that waited.
    if (batch->empty()) return Ok();
    transaction.AfterCommit([self, batch] { self->outcome_(std::move(*batch), Ok()); });
    return Ok();
  };
  auto done = [self = shared_from_this(), batch](const Status& status) {
    if (status.ok()) return;
    // A job that could not even begin has taken nothing.
    if (batch->empty()) *batch = self->TakeAll();
    if (!batch->empty()) self->outcome_(std::move(*batch), status);
  };
  if (database_.Submit(std::move(job), std::move(done)).ok()) return true;
  const std::lock_guard lock(mutex_);
  job_waits_ = false;
  return false;
}

Status Changes::Write(sql::sqlite::Transaction& transaction, Change& change) {
  switch (change.kind) {
    case Change::Kind::kAck:
      return WriteAck(transaction, change);
    case Change::Kind::kRetry:
      return ledger_->Retry(transaction, change.message, change.retry_body, change.due_us);
    case Change::Kind::kCrashCount:
      return ledger_->SetCrashCount(transaction, change.message, change.crash_count);
  }
  return Fail(ErrorCode::kInternal, "a change of no kind");
}

Status Changes::WriteAck(sql::sqlite::Transaction& transaction, Change& change) {
  // All queues are found before anything is written: then one that is missing leaves nothing to undo.
  std::vector<QueueId> queues;
  queues.reserve(change.publish.size());
  for (const auto& message : change.publish) {
    ASYA_TRY(const QueueId queue, ledger_->Find(transaction, message.queue));
    queues.push_back(queue);
  }
  ASYA_TRY_STATUS(ledger_->Delete(transaction, change.message));
  const std::int64_t now_us = clock_.Now().time_since_epoch().count();
  for (std::size_t i = 0; i < queues.size(); ++i) {
    ASYA_TRY(const Placed placed, ledger_->Insert(transaction, queues[i], change.publish[i].body, now_us));
    change.placed.push_back(placed);
  }
  return Ok();
}

}  // namespace asya::transports::sqlite
