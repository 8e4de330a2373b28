#include "core/sql/sqlite/writer.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace asya::sql::sqlite {
namespace {

Error Closed() { return Fail(ErrorCode::kClosed, "the database is closed"); }

}  // namespace

Writer::Writer(std::unique_ptr<Connection> connection, std::size_t queue_limit, std::size_t batch_limit)
    : connection_(std::move(connection)), queue_limit_(queue_limit), batch_limit_(batch_limit) {}

Writer::~Writer() { Stop(); }

void Writer::Start() {
  running_ = true;
  thread_ = std::thread([this] { Work(); });
}

void Writer::Stop() {
  {
    const std::lock_guard lock(mutex_);
    running_ = false;
  }
  work_.notify_all();
  room_.notify_all();
  if (thread_.joinable()) thread_.join();
  if (connection_ == nullptr) return;
  // A failure leaves the WAL beside the file, where the next start finds it.
  const auto checkpoint = connection_->Scalar("PRAGMA wal_checkpoint(TRUNCATE)");
  static_cast<void>(checkpoint);
  connection_.reset();
}

Status Writer::Submit(Database::Job job, Database::Done done) {
  {
    const std::lock_guard lock(mutex_);
    if (!running_) return Closed();
    if (waiting_.size() >= queue_limit_) {
      return Fail(ErrorCode::kTooMany, "more than " + std::to_string(queue_limit_) + " writes are waiting");
    }
    waiting_.push_back(Item{std::move(job), std::move(done)});
  }
  work_.notify_one();
  return Ok();
}

Status Writer::SubmitWaiting(Database::Job job, Database::Done done) {
  {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return !running_ || waiting_.size() < queue_limit_; });
    if (!running_) return Closed();
    waiting_.push_back(Item{std::move(job), std::move(done)});
  }
  work_.notify_one();
  return Ok();
}

void Writer::Work() {
  own_thread_ = std::this_thread::get_id();
  std::vector<Item> batch;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      work_.wait(lock, [this] { return !running_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      const auto count = static_cast<std::ptrdiff_t>(std::min(batch_limit_, waiting_.size()));
      std::move(waiting_.begin(), waiting_.begin() + count, std::back_inserter(batch));
      waiting_.erase(waiting_.begin(), waiting_.begin() + count);
    }
    room_.notify_all();
    RunBatch(batch);
    for (Item& item : batch) {
      if (item.done) item.done(item.status);
    }
    batch.clear();
  }
}

void Writer::RunBatch(std::vector<Item>& batch) {
  const std::int64_t changes_before = connection_->TotalChanges();
  if (Status begun = connection_->Execute("BEGIN IMMEDIATE"); !begun.ok()) return FailAll(batch, begun.error());
  for (Item& item : batch) {
    if (RunJob(item, batch.size() == 1)) continue;
    return FailAll(batch, item.status.error());
  }
  if (connection_->InTransaction()) {
    if (Status committed = connection_->Execute("COMMIT"); !committed.ok()) {
      if (connection_->InTransaction()) static_cast<void>(connection_->Execute("ROLLBACK"));
      return FailAll(batch, committed.error());
    }
    if (on_commit_ && connection_->TotalChanges() != changes_before) on_commit_();
    TellCommitted(batch);
  }
}

void Writer::TellCommitted(std::vector<Item>& batch) {
  for (Item& item : batch) {
    if (!item.status.ok()) continue;
    for (auto& action : item.after_commit) action();
  }
}

bool Writer::RunJob(Item& item, bool alone) {
  if (!alone) {
    item.status = connection_->Execute("SAVEPOINT job");
    if (!item.status.ok()) return connection_->InTransaction();
  }
  item.status = Protected(item);
  connection_->ResetTouched();
  if (alone) {
    if (!item.status.ok() && connection_->InTransaction()) static_cast<void>(connection_->Execute("ROLLBACK"));
    return true;
  }
  if (!connection_->InTransaction()) {
    if (item.status.ok())
      item.status = Fail(ErrorCode::kUnavailable, connection_->path() + ": the transaction was rolled back");
    return false;
  }
  if (!item.status.ok() && !connection_->Execute("ROLLBACK TO job").ok()) return false;
  if (Status released = connection_->Execute("RELEASE job"); !released.ok()) {
    item.status = released;
    return false;
  }
  return true;
}

Status Writer::Protected(Item& item) {
  // A throwing job is our bug (or memory ran out); it must not take the other jobs of the process with it.
  try {
    Transaction transaction(*connection_);
    Status status = item.job(transaction);
    item.after_commit = std::move(transaction.after_commit_);
    return status;
  } catch (const std::exception& failure) {
    return Fail(ErrorCode::kInternal, std::string("a write failed: ") + failure.what());
  }
}

void Writer::FailAll(std::vector<Item>& batch, const Error& error) {
  if (connection_->InTransaction()) static_cast<void>(connection_->Execute("ROLLBACK"));
  for (Item& item : batch) {
    // A job that failed by itself keeps its own reason.
    if (item.status.ok()) item.status = error;
  }
}

}  // namespace asya::sql::sqlite
