#include "core/sql/postgres/pool.h"

#include <string>
#include <utility>

namespace asya::sql::postgres {

Result<Pool::Lease> Pool::Borrow() {
  std::unique_ptr<Connection> connection;
  {
    std::unique_lock lock(mutex_);
    if (!returned_.wait_for(lock, settings_.borrow_timeout, [this] { return lent_ < settings_.connections; })) {
      return Fail(ErrorCode::kTooMany, "all " + std::to_string(settings_.connections) +
                                           " connections to PostgreSQL were busy for " +
                                           std::to_string(settings_.borrow_timeout.count()) + " ms");
    }
    ++lent_;
    if (!idle_.empty()) {
      connection = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  const bool fresh = connection == nullptr;
  if (fresh) {
    auto opened = Connection::Open(settings_);
    if (!opened.ok()) {
      GiveBack(nullptr);
      return opened.error();
    }
    connection = std::move(opened).value();
  }
  return Lease(*this, std::move(connection), fresh);
}

void Pool::CloseIdle() {
  std::vector<std::unique_ptr<Connection>> closing;
  const std::lock_guard lock(mutex_);
  closing.swap(idle_);
}

void Pool::GiveBack(std::unique_ptr<Connection> connection) {
  const std::lock_guard lock(mutex_);
  --lent_;
  if (connection != nullptr) idle_.push_back(std::move(connection));
  returned_.notify_one();
}

}  // namespace asya::sql::postgres
