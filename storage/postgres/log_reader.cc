#include "storage/postgres/log_reader.h"

#include <algorithm>
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

void LogReader::Start(Revision head) {
  const std::lock_guard lock(mutex_);
  ASYA_CHECK(!running_);
  position_ = head;
  running_ = true;
  woken_ = true;  // the mirror is to be filled
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

void LogReader::Feed(const Committed& committed) {
  {
    const std::lock_guard lock(feed_mutex_);
    if (position_ == committed.base) return Publish(committed.events, committed.upto);
  }
  Wake();
}

void LogReader::Publish(const std::vector<Event>& events, Revision upto) {
  for (const Event& event : events) {
    if (event.record.revision > position_) broadcaster_.Append(event);
  }
  // Behind the broadcaster: whoever lists from the mirror may watch from there.
  mirror_.Apply(events, upto);
  position_ = std::max(position_, upto);
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
    // While the database is away the listener's tick brings the next try.
    if (mirror_.Wanted() && !FillMirror().ok()) continue;
    const auto more = ReadOnce();
    if (more.ok() && *more) Wake();
  }
}

Status LogReader::FillMirror() {
  std::vector<Record> records;
  Revision at;
  const auto read = [&](Transaction& transaction) -> Status {
    records.clear();
    ASYA_TRY(const Watermark watermark, ReadWatermark(transaction));
    at = watermark.head;
    // By pieces: an answer of the database is held in memory beside the records made of it.
    std::string resource, namespace_, name;
    for (std::size_t rows_read = kBatchEvents; rows_read == kBatchEvents;) {
      ASYA_TRY(const Rows rows,
               transaction.Execute("SELECT namespace, name, uid, revision, labels, json, resource FROM objects "
                                   "WHERE (resource, namespace, name) > ($1, $2, $3) "
                                   "ORDER BY resource, namespace, name LIMIT $4",
                                   Parameters().Add(resource).Add(namespace_).Add(name).Add(kBatchEvents)));
      rows_read = rows.size();
      for (std::size_t row = 0; row < rows.size(); ++row) {
        resource = rows.Text(row, 6);
        records.push_back(ReadRecord(rows, row, 0, resource));
        namespace_ = records.back().key.namespace_;
        name = records.back().key.name;
      }
    }
    return Ok();
  };
  ASYA_TRY_STATUS(database_.Read(read));
  const std::lock_guard lock(feed_mutex_);
  mirror_.Fill(std::move(records), at);
  // What was published meanwhile the mirror has not seen: it is read again, and the broadcaster knows its own.
  position_ = std::min(position_, at);
  return Ok();
}

Result<bool> LogReader::ReadOnce() {
  Revision from;
  {
    const std::lock_guard lock(feed_mutex_);
    from = position_;
  }
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
  const std::lock_guard lock(feed_mutex_);
  if (from < watermark.compacted) {
    // Away for longer than the log reaches back: what was missed is gone.
    broadcaster_.Lapse(watermark.compacted);
    mirror_.Forget();
    position_ = std::max(position_, watermark.compacted);
    return true;
  }
  const bool more = static_cast<std::int64_t>(events.size()) == kBatchEvents;
  Publish(events, more ? events.back().record.revision : watermark.head);
  return more;
}

}  // namespace asya::storage::postgres
