#include "storage/sqlite/bounded_write.h"

#include <future>
#include <memory>
#include <string>
#include <utility>

namespace asya::storage::sqlite {

Status BoundedWrite(sql::sqlite::Database& database, std::chrono::milliseconds timeout, sql::sqlite::Database::Job job,
                    std::function<void()> committed) {
  const auto finished = std::make_shared<std::promise<Status>>();
  auto outcome = finished->get_future();
  ASYA_TRY_STATUS(database.Submit(std::move(job), [finished, committed = std::move(committed)](const Status& status) {
    if (status.ok()) committed();
    finished->set_value(status);
  }));
  if (outcome.wait_for(timeout) != std::future_status::ready) {
    return Fail(ErrorCode::kTimeout, "the database did not finish a write within " + std::to_string(timeout.count()) +
                                         " ms; it may still happen");
  }
  return outcome.get();
}

}  // namespace asya::storage::sqlite
