#include "core/sql/sqlite/readers.h"

#include <exception>
#include <utility>

namespace asya::sql::sqlite {

Readers::Readers(std::string path, std::size_t limit, std::size_t cache_kib, std::chrono::milliseconds busy_timeout)
    : path_(std::move(path)), limit_(limit), cache_kib_(cache_kib), busy_timeout_(busy_timeout) {}

Result<std::unique_ptr<Connection>> Readers::OpenOne() const {
  ASYA_TRY(auto connection, Connection::Open(path_, Connection::Mode::kRead));
  ASYA_TRY_STATUS(connection->Execute("PRAGMA busy_timeout=" + std::to_string(busy_timeout_.count()) +
                                      "; PRAGMA cache_size=-" + std::to_string(cache_kib_) + "; PRAGMA query_only=ON"));
  return connection;
}

Result<std::unique_ptr<Connection>> Readers::Borrow() {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stopped_ || borrowed_ < limit_; });
    if (stopped_) return Fail(ErrorCode::kClosed, "the database is closed");
    ++borrowed_;
    if (!idle_.empty()) {
      auto connection = std::move(idle_.back());
      idle_.pop_back();
      return connection;
    }
  }
  auto opened = OpenOne();
  if (!opened.ok()) GiveBack(nullptr);
  return opened;
}

void Readers::GiveBack(std::unique_ptr<Connection> connection) {
  // Notified under the lock: after the last one is back, Stop may return and the pool may be gone.
  const std::lock_guard lock(mutex_);
  --borrowed_;
  if (connection != nullptr && !stopped_) idle_.push_back(std::move(connection));
  changed_.notify_all();
}

Status Readers::Read(const Database::Job& job) {
  ASYA_TRY(auto connection, Borrow());
  Status status = connection->Run("BEGIN");
  if (status.ok()) {
    try {
      Transaction transaction(*connection);
      status = job(transaction);
    } catch (const std::exception& failure) {
      status = Fail(ErrorCode::kInternal, std::string("a read failed: ") + failure.what());
    }
    connection->ResetTouched();
    // A connection that cannot even end its snapshot is not used again.
    if (connection->InTransaction() && !connection->Run("ROLLBACK").ok()) connection.reset();
  }
  GiveBack(std::move(connection));
  return status;
}

void Readers::Stop() {
  std::unique_lock lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
  changed_.wait(lock, [this] { return borrowed_ == 0; });
  idle_.clear();
}

}  // namespace asya::sql::sqlite
