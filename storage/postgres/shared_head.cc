#include "storage/postgres/shared_head.h"

#include "storage/postgres/rows.h"

namespace asya::storage::postgres {

Result<ports::Revision> SharedHead::Read() {
  std::unique_lock lock(mutex_);
  // Of a question that is under way the answer may be older than this call.
  const std::shared_ptr<Round> mine = next_;
  answered_.wait(lock, [&] { return mine->answer.has_value() || !asking_; });
  if (!mine->answer) {
    // Nobody asks for those who wait in this round, so this one does.
    asking_ = true;
    next_ = std::make_shared<Round>();
    lock.unlock();
    const auto watermark = ReadWatermark(database_);
    lock.lock();
    if (watermark.ok()) mine->answer = watermark->head;
    if (!watermark.ok()) mine->answer = watermark.error();
    asking_ = false;
    lock.unlock();
    answered_.notify_all();
  }
  return *mine->answer;
}

}  // namespace asya::storage::postgres
