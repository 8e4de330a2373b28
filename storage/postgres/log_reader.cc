#include "storage/postgres/log_reader.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "storage/damage.h"
#include "storage/preconditions.h"

namespace asya::storage::postgres {

using ports::Event;
using ports::Record;
using ports::Revision;
using sql::postgres::Parameters;
using sql::postgres::Rows;
using sql::postgres::Transaction;

namespace {

// Events after $1 that meet the condition, at most $2, up to the one that comes to $3 bytes: an answer is in memory
// whole.
#define ASYA_SELECT_EVENTS(condition)                                                                           \
  "SELECT namespace, name, uid, revision, labels, json, namespace, name, uid, coalesce(previous_revision, 0), " \
  "coalesce(previous_labels, labels), coalesce(previous_json, json), type, resource, at FROM "                  \
  "(SELECT *, sum(bytes) OVER (ORDER BY revision) - bytes AS bytes_before FROM "                                \
  "(SELECT *, octet_length(json) + coalesce(octet_length(previous_json), 0) AS bytes FROM events "              \
  "WHERE revision > $1" condition                                                                               \
  " ORDER BY revision LIMIT $2) AS next) AS counted "                                                           \
  "WHERE bytes_before < $3 ORDER BY revision"
constexpr int kAtColumn = 14;

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
                        const BatchLimits& limits) {
  LogPage page;
  const auto read = [&](Transaction& transaction) -> Status {
    ASYA_TRY(const Watermark watermark, ReadWatermark(transaction));
    if (from < watermark.compacted) return Compacted(from, watermark.compacted);
    Parameters parameters;
    parameters.Add(from.get())
        .Add(static_cast<std::int64_t>(limits.events))
        .Add(static_cast<std::int64_t>(limits.bytes))
        .Add(query.resource);
    query.namespace_ ? parameters.Add(*query.namespace_) : parameters.AddNull();
    ASYA_TRY(const Rows rows,
             transaction.Execute(ASYA_SELECT_EVENTS(" AND resource = $4 AND ($5::text IS NULL OR namespace = $5)"),
                                 parameters));
    page = {};
    page.upto = watermark.head;
    for (std::size_t row = 0; row < rows.size(); ++row) {
      if (!page.Add(ReadEvent(rows, row), limits)) break;
    }
    return Ok();
  };
  ASYA_TRY_STATUS(database.Read(read));
  return page;
}

LogReader::LogReader(sql::postgres::Database& database, Broadcaster& broadcaster, Mirror& mirror,
                     observe::Logger logger, observe::Metrics* metrics)
    : database_(database), broadcaster_(broadcaster), mirror_(mirror), logger_(std::move(logger)) {
  if (metrics == nullptr) return;
  rewinds_ = metrics->MakeCounter("asya_store_rewinds_total",
                                  "Times that PostgreSQL was found without commits that this server had seen.");
}

void LogReader::Start(Revision head) {
  const std::lock_guard lock(mutex_);
  ASYA_CHECK(!running_);
  position_ = seen_.head = head;
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
    // Revisions that follow on those of another past are not the next ones.
    const bool follows = seen_.server == committed.server;
    if (committed.raised) TellRewound(seen_.head, committed.base);
    seen_.head = std::max(seen_.head, committed.upto);
    if (position_ == committed.base && follows) return Publish(committed.events, committed.upto, committed.at);
  }
  Wake();
}

void LogReader::Publish(const std::vector<Event>& events, Revision upto, std::int64_t at) {
  for (const Event& event : events) {
    if (event.record.revision > position_) broadcaster_.Append(event);
  }
  if (!events.empty() && events.back().record.revision > seen_.event) {
    seen_.event = events.back().record.revision;
    seen_.at = at;
  }
  seen_.head = std::max(seen_.head, upto);
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

Revision LogReader::SeenHead() {
  const std::lock_guard lock(feed_mutex_);
  return seen_.head;
}

Status LogReader::Saw(Revision head, Revision seen) {
  if (head < seen) {
    Wake();
    return Fail(ErrorCode::kUnavailable, "the database has lost commits; objects are read anew");
  }
  const std::lock_guard lock(feed_mutex_);
  seen_.head = std::max(seen_.head, head);
  return Ok();
}

Result<bool> LogReader::Raise(const Seen& seen) {
  ASYA_TRY(const std::optional<Revision> raised, RaiseAbove(database_, seen));
  if (raised) TellRewound(seen.head, *raised);
  return raised.has_value();
}

void LogReader::TellDamaged(const Record& record) const {
  if (!record.damaged) return;
  logger_.Error("an object cannot be decoded; lists of its kind fail, and watches go on without it",
                {{"error", Damaged(record).message}});
}

void LogReader::TellRewound(Revision seen, Revision raised) const {
  if (rewinds_) rewinds_->Add();
  logger_.Error("the database has lost commits that clients have seen; clients list anew, revisions go on above",
                {{"seen", seen.get()}, {"raised_to", raised.get()}});
}

Status LogReader::FillMirror() {
  const Revision seen = SeenHead();
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
        TellDamaged(records.back());
        namespace_ = records.back().key.namespace_;
        name = records.back().key.name;
      }
    }
    return Ok();
  };
  ASYA_TRY_STATUS(database_.Read(read));
  if (at < seen) return Ok();  // a past that is to be left, see ReadOnce
  const std::lock_guard lock(feed_mutex_);
  mirror_.Fill(std::move(records), at);
  // What was published meanwhile the mirror has not seen: it is read again, and the broadcaster knows its own.
  position_ = std::min(position_, at);
  return Ok();
}

Result<bool> LogReader::ReadOnce() {
  Revision from;
  Seen seen;
  {
    const std::lock_guard lock(feed_mutex_);
    from = position_;
    seen = seen_;
  }
  LogPage page;
  bool more = false;
  std::int64_t at = 0;
  LogState state;
  const auto read = [&](Transaction& transaction) -> Status {
    page = {};
    more = false;
    ASYA_TRY(state, ReadLogState(transaction, seen, from));
    page.upto = state.watermark.head;
    if (state.watermark.head <= from || from < state.watermark.compacted || IsRewound(seen, state)) return Ok();
    ASYA_TRY(const Rows rows, transaction.Execute(ASYA_SELECT_EVENTS(""),
                                                  Parameters().Add(from.get()).Add(kBatchEvents).Add(kBatchBytes)));
    for (std::size_t row = 0; row < rows.size() && !more; ++row) {
      more = !page.Add(ReadEvent(rows, row), {kBatchEvents, kBatchBytes});
      TellDamaged(page.events.back().record);
      at = rows.Int(row, kAtColumn);
    }
    return Ok();
  };
  ASYA_TRY_STATUS(database_.Read(read));
  if (IsRewound(seen, state)) return Raise(seen);
  const Watermark& watermark = state.watermark;
  const std::lock_guard lock(feed_mutex_);
  if (from < watermark.compacted) {
    // Away for longer than the log reaches back, or the head was raised: what was missed is gone.
    broadcaster_.Lapse(watermark.compacted);
    mirror_.Forget();
    position_ = std::max(position_, watermark.compacted);
    seen_.head = std::max(seen_.head, position_);
    seen_.event = Revision(0);
    return true;
  }
  // Where no event was known, one at the position becomes the one.
  if (seen.event.get() == 0 && state.at != 0 && seen_.event.get() == 0) {
    seen_.event = from;
    seen_.at = state.at;
  }
  seen_.server = state.server;
  Publish(page.events, page.upto, at);
  return more;
}

}  // namespace asya::storage::postgres
