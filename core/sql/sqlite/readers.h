// Readers: a bounded pool of read-only connections, each read in one snapshot.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/sql/sqlite/connection.h"
#include "core/sql/sqlite/database.h"

namespace asya::sql::sqlite {

class Readers {
 public:
  // Connections are opened when first needed, at most `limit`.
  Readers(std::string path, std::size_t limit, std::size_t cache_kib, std::chrono::milliseconds busy_timeout);

  Status Read(const Database::Job& job);
  // Refuses new reads, waits for running ones, closes.
  void Stop();

 private:
  Result<std::unique_ptr<Connection>> Borrow();
  void GiveBack(std::unique_ptr<Connection> connection);
  Result<std::unique_ptr<Connection>> OpenOne() const;

  const std::string path_;
  const std::size_t limit_;
  const std::size_t cache_kib_;
  const std::chrono::milliseconds busy_timeout_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Connection>> idle_;
  std::size_t borrowed_ = 0;
  bool stopped_ = false;
};

}  // namespace asya::sql::sqlite
