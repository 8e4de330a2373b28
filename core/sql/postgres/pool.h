// Pool: a bounded number of connections, lent to one thread at a time.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "core/sql/postgres/connection.h"

namespace asya::sql::postgres {

class Pool {
 public:
  explicit Pool(const Settings& settings) : settings_(settings) {}

  // A connection that goes back when it is destroyed, unless it was dropped.
  class Lease {
   public:
    Lease(Pool& pool, std::unique_ptr<Connection> connection, bool fresh)
        : pool_(&pool), connection_(std::move(connection)), fresh_(fresh) {}
    Lease(Lease&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), connection_(std::move(other.connection_)), fresh_(other.fresh_) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (pool_ != nullptr) pool_->GiveBack(std::move(connection_));
    }
    Connection& operator*() { return *connection_; }
    // Whether it was opened for this lease.
    [[nodiscard]] bool fresh() const { return fresh_; }
    // For a connection that is broken or in an unknown state.
    void Drop() { connection_.reset(); }

   private:
    Pool* pool_;
    std::unique_ptr<Connection> connection_;
    bool fresh_;
  };

  // kTooMany when none is free within the borrow timeout; kUnavailable when none can be opened.
  Result<Lease> Borrow();
  // Closes those that are not lent: when one of them was lost, most likely all are.
  void CloseIdle();

 private:
  void GiveBack(std::unique_ptr<Connection> connection);

  const Settings settings_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Connection>> idle_;
  std::size_t lent_ = 0;
};

}  // namespace asya::sql::postgres
