#include "storage/postgres/committer.h"

#include <set>
#include <utility>

namespace asya::storage::postgres {

Committer::Committer(const Clock& clock, std::function<Origin()> origin,
                     std::function<void(const Committed&)> committed, observe::Metrics* metrics)
    : clock_(clock), origin_(std::move(origin)), committed_(std::move(committed)), metrics_(metrics) {}

Committer::~Committer() { Stop(); }

void Committer::Start(std::unique_ptr<sql::postgres::Database> database) {
  const std::lock_guard lock(mutex_);
  ASYA_CHECK(!running_);
  database_ = std::move(database);
  running_ = true;
  thread_ = std::thread([this] { Work(); });
}

void Committer::Stop() {
  {
    const std::lock_guard lock(mutex_);
    running_ = false;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Status Committer::Submit(ChangePointer change) {
  {
    const std::lock_guard lock(mutex_);
    if (!running_) return Fail(ErrorCode::kUnavailable, "the store is closing");
    if (waiting_.size() >= kWaitingMax) {
      metrics_.Refused();
      return Fail(ErrorCode::kTooMany, "more than " + std::to_string(kWaitingMax) + " writes are waiting");
    }
    waiting_.push_back(std::move(change));
    metrics_.Waiting(waiting_.size());
  }
  changed_.notify_one();
  return Ok();
}

void Committer::Work() {
  for (;;) {
    const std::vector<ChangePointer> batch = TakeBatch();
    if (batch.empty()) return;
    Commit(batch);
  }
}

std::vector<ChangePointer> Committer::TakeBatch() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !running_ || !waiting_.empty(); });
  std::vector<ChangePointer> batch;
  std::set<ports::ObjectKey> keys;
  while (!waiting_.empty() && batch.size() < kBatchMax && keys.insert(waiting_.front()->record.key).second) {
    batch.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  metrics_.Waiting(waiting_.size());
  return batch;
}

void Committer::Commit(const std::vector<ChangePointer>& batch) {
  const SteadyTime begun = clock_.Steady();
  const auto committed = CommitBatch(*database_, batch, clock_.Now(), origin_());
  if (committed.ok()) {
    metrics_.Committed(batch.size(), std::chrono::duration<double>(clock_.Steady() - begun).count());
    committed_(*committed);
    for (const auto& change : batch) change->finished.set_value(change->outcome);
    return;
  }
  metrics_.Failed();
  committed_({});  // it may have happened: whoever follows the log is to look
  const ErrorCode code = committed.error().code;
  const bool away = code == ErrorCode::kUnavailable || code == ErrorCode::kTimeout || code == ErrorCode::kTooMany;
  if (batch.size() == 1 || away) {
    for (const auto& change : batch) change->finished.set_value(committed.error());
    return;
  }
  // One of them is at fault; alone each gets what it deserves.
  for (const auto& change : batch) Commit({change});
}

}  // namespace asya::storage::postgres
