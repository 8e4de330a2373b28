// SharedHead: the head of the log as of now; callers that wait together share one question to the database.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

#include "core/sql/postgres/database.h"
#include "ports/object_store.h"

namespace asya::storage::postgres {

class SharedHead {
 public:
  explicit SharedHead(sql::postgres::Database& database) : database_(database) {}
  // Everything that was committed before the call is at or below it. Blocking.
  Result<ports::Revision> Read();

 private:
  // One question, and all who arrived before it was asked.
  struct Round {
    std::optional<Result<ports::Revision>> answer;
  };

  sql::postgres::Database& database_;
  std::mutex mutex_;
  std::condition_variable answered_;
  std::shared_ptr<Round> next_ = std::make_shared<Round>();
  bool asking_ = false;
};

}  // namespace asya::storage::postgres
