#include "storage/postgres/log_reader.h"

#include <utility>
#include <vector>

#include "storage/preconditions.h"

namespace asya::storage::postgres {

using ports::Event;
using ports::Record;
using ports::Revision;
using sql::postgres::Parameters;
using sql::postgres::Rows;
using sql::postgres::Transaction;

namespace {

#define ASYA_SELECT_EVENT                                                                                       \
  "SELECT namespace, name, uid, revision, labels, json, namespace, name, uid, coalesce(previous_revision, 0), " \
  "coalesce(previous_labels, labels), coalesce(previous_json, json), type, resource FROM events WHERE revision > $1"

Event ReadEvent(const Rows& rows, std::size_t row) {
  Event event;
  const std::string resource = rows.Text(row, 13);
  const std::string_view type = rows.View(row, 12);
  event.type = type == "A" ? Event::Type::kAdded : type == "M" ? Event::Type::kModified : Event::Type::kDeleted;
  event.record = ReadRecord(rows, row, 0, resource);
  if (event.type != Event::Type::kAdded) {
    event.previous = std::make_shared<const Record>(ReadRecord(rows, row, 6, resource));
  }
  return event;
}

}  // namespace

Result<LogPage> ReadLog(sql::postgres::Database& database, const ports::WatchQuery& query, Revision from,
                        std::size_t limit) {
  LogPage page;
  const auto read = [&](Transaction& transaction) -> Status {
    ASYA_TRY(const Watermark watermark, ReadWatermark(transaction));
    if (from < watermark.compacted) return Compacted(from, watermark.compacted);
    Parameters parameters;
    parameters.Add(from.get()).Add(query.resource).Add(static_cast<std::int64_t>(limit));
    query.namespace_ ? parameters.Add(*query.namespace_) : parameters.AddNull();
    ASYA_TRY(const Rows rows,
             transaction.Execute(ASYA_SELECT_EVENT " AND resource = $2 AND ($4::text IS NULL OR namespace = $4) "
                                                   "ORDER BY revision LIMIT $3",
                                 parameters));
    page.upto = watermark.head;
    for (std::size_t row = 0; row < rows.size(); ++row) page.events.push_back(ReadEvent(rows, row));
    if (page.events.size() == limit) page.upto = page.events.back().record.revision;
    return Ok();
  };
  ASYA_TRY_STATUS(database.Read(read));
  return page;
}

void LogReader::Start() {
  const std::lock_guard lock(mutex_);
  ASYA_CHECK(!running_);
  running_ = true;
  thread_ = std::thread([this] { Work(); });
}

void LogReader::Stop() {
  {
    const std::lock_guard lock(mutex_);
    running_ = false;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void LogReader::Wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  changed_.notify_one();
}

void LogReader::Work() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return woken_ || !running_; });
      if (!running_) return;
      woken_ = false;
    }
    const auto more = ReadOnce();
    // While the database is away the listener's tick brings the next try.
    if (more.ok() && *more) Wake();
  }
}

Result<bool> LogReader::ReadOnce() {
  const Revision from = broadcaster_.Head();
  std::vector<Event> events;
  Watermark watermark;
  const auto read = [&](Transaction& transaction) -> Status {
    events.clear();
    ASYA_TRY(watermark, ReadWatermark(transaction));
    if (watermark.head <= from || from < watermark.compacted) return Ok();
    ASYA_TRY(const Rows rows, transaction.Execute(ASYA_SELECT_EVENT " ORDER BY revision LIMIT $2",
                                                  Parameters().Add(from.get()).Add(kBatchEvents)));
    for (std::size_t row = 0; row < rows.size(); ++row) events.push_back(ReadEvent(rows, row));
    return Ok();
  };
  ASYA_TRY_STATUS(database_.Read(read));
  if (from < watermark.compacted) {
    // Away for longer than the log reaches back: what was missed is gone.
    broadcaster_.Lapse(watermark.compacted);
    return true;
  }
  const bool more = static_cast<std::int64_t>(events.size()) == kBatchEvents;
  for (auto& event : events) broadcaster_.Append(std::move(event));
  return more;
}

}  // namespace asya::storage::postgres
