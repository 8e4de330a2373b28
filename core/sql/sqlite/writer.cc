#include "core/sql/sqlite/writer.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "core/base/clock.h"

namespace asya::sql::sqlite {
namespace {

// Others are about to write too where some have just done so together: a commit that waits for them is one sync, and
// one writing of the pages that all of them touch, in place of several. PostgreSQL's commit_delay and commit_siblings.
constexpr std::chrono::microseconds kLeastCycle{4000};  // between the beginnings of two such commits
constexpr std::size_t kBusy = 4;
constexpr std::size_t kCrowd = 64;

Error Closed() { return Fail(ErrorCode::kClosed, "the database is closed"); }
Error RolledBack() { return Fail(ErrorCode::kUnavailable, "the database rolled the transaction back"); }

}  // namespace

Writer::Writer(std::unique_ptr<Connection> connection, std::size_t queue_limit, std::size_t batch_limit,
               observe::Metrics* metrics)
    : connection_(std::move(connection)), queue_limit_(queue_limit), batch_limit_(batch_limit), metrics_(metrics) {}

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
      metrics_.Refused();
      return Fail(ErrorCode::kTooMany, "more than " + std::to_string(queue_limit_) + " writes are waiting");
    }
    waiting_.push_back(Item{std::move(job), std::move(done)});
    metrics_.Waiting(waiting_.size());
    if (!MustWake()) return Ok();
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
    if (!MustWake()) return Ok();
  }
  work_.notify_one();
  return Ok();
}

bool Writer::MustWake() const { return !gathering_ || waiting_.size() >= kCrowd; }

void Writer::Work() {
  own_thread_ = std::this_thread::get_id();
  std::vector<Item> batch;
  SteadyTime wanted = SteadyTime::min();  // of the next beginning, where several have come together
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      work_.wait(lock, [this] { return !running_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      if (RealClock().Steady() < wanted) {
        gathering_ = true;
        work_.wait_until(lock, wanted, [this] { return !running_ || waiting_.size() >= kCrowd; });
        gathering_ = false;
      }
      const auto count = static_cast<std::ptrdiff_t>(std::min(batch_limit_, waiting_.size()));
      std::move(waiting_.begin(), waiting_.begin() + count, std::back_inserter(batch));
      waiting_.erase(waiting_.begin(), waiting_.begin() + count);
      metrics_.Waiting(waiting_.size());
    }
    room_.notify_all();
    const SteadyTime begun = RealClock().Steady();
    wanted = batch.size() < kBusy ? begun : begun + kLeastCycle;
    RunBatch(batch);
    metrics_.Committed(batch.size(), std::chrono::duration<double>(RealClock().Steady() - begun).count());
    for (Item& item : batch) {
      if (item.done) item.done(item.status);
    }
    batch.clear();
  }
}

void Writer::RunBatch(std::vector<Item>& batch) {
  // A savepoint makes SQLite keep each page it touches a second time, so jobs get one only when one of them must be
  // undone without the others.
  if (RunTogether(batch)) return;
  RunApart(batch);
}

bool Writer::RunTogether(std::vector<Item>& batch) {
  if (!Begin(batch)) return true;
  for (Item& item : batch) {
    const bool clean = RunJob(item);
    if (!connection_->InTransaction()) {
      FailAll(batch, item.status.ok() ? RolledBack() : item.status.error());
      return true;
    }
    if (item.status.ok() || clean) continue;
    ++undone_;
    static_cast<void>(connection_->Execute("ROLLBACK"));
    return batch.size() == 1;
  }
  Commit(batch);
  return true;
}

void Writer::RunApart(std::vector<Item>& batch) {
  if (!Begin(batch)) return;
  for (Item& item : batch) {
    if (RunInSavepoint(item)) continue;
    return FailAll(batch, item.status.ok() ? RolledBack() : item.status.error());
  }
  Commit(batch);
}

bool Writer::Begin(std::vector<Item>& batch) {
  changes_before_ = connection_->TotalChanges();
  const Status begun = connection_->Run("BEGIN IMMEDIATE");
  if (!begun.ok()) FailAll(batch, begun.error());
  return begun.ok();
}

void Writer::Commit(std::vector<Item>& batch) {
  if (Status committed = connection_->Run("COMMIT"); !committed.ok()) {
    return FailAll(batch, committed.error());
  }
  if (on_commit_ && connection_->TotalChanges() != changes_before_) on_commit_();
  TellCommitted(batch);
}

void Writer::TellCommitted(std::vector<Item>& batch) {
  for (Item& item : batch) {
    if (!item.status.ok()) continue;
    for (auto& action : item.after_commit) action();
  }
}

bool Writer::RunJob(Item& item) {
  const std::int64_t changes_before = connection_->TotalChanges();
  bool executed = false;
  item.status = Protected(item, executed);
  connection_->ResetTouched();
  return !executed && connection_->TotalChanges() == changes_before;
}

bool Writer::RunInSavepoint(Item& item) {
  item.status = connection_->Execute("SAVEPOINT job");
  if (!item.status.ok()) return connection_->InTransaction();
  RunJob(item);
  if (!connection_->InTransaction()) return false;
  if (!item.status.ok()) {
    ++undone_;
    if (!connection_->Execute("ROLLBACK TO job").ok()) return false;
  }
  if (Status released = connection_->Execute("RELEASE job"); !released.ok()) {
    item.status = released;
    return false;
  }
  return true;
}

Status Writer::Protected(Item& item, bool& executed) {
  // A throwing job is our bug (or memory ran out); it must not take the other jobs of the process with it.
  try {
    Transaction transaction(*connection_);
    transaction.undone_ = undone_;
    Status status = item.job(transaction);
    item.after_commit = std::move(transaction.after_commit_);
    executed = transaction.executed_;
    return status;
  } catch (const std::exception& failure) {
    executed = true;  // nobody knows how far it came
    return Fail(ErrorCode::kInternal, std::string("a write failed: ") + failure.what());
  }
}

void Writer::FailAll(std::vector<Item>& batch, const Error& error) {
  ++undone_;
  if (connection_->InTransaction()) static_cast<void>(connection_->Execute("ROLLBACK"));
  for (Item& item : batch) {
    // A job that failed by itself keeps its own reason.
    if (item.status.ok()) item.status = error;
  }
}

}  // namespace asya::sql::sqlite
