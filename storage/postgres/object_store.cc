#include "storage/postgres/object_store.h"

#include <limits>
#include <utility>

#include "core/base/random.h"
#include "storage/damage.h"
#include "storage/postgres/rows.h"
#include "storage/preconditions.h"

namespace asya::storage::postgres {

using ports::Event;
using ports::HistoryEntry;
using ports::Precondition;
using ports::Record;
using ports::Revision;
using sql::postgres::Parameters;
using sql::postgres::Rows;
using sql::postgres::Transaction;

ObjectStore::ObjectStore(sql::postgres::Database& database, const Clock& clock, const ObjectStoreSettings& settings)
    : database_(database),
      clock_(clock),
      settings_(settings),
      broadcaster_(settings.broadcaster, clock,
                   [this](const ports::WatchQuery& query, Revision from, const BatchLimits& limits) {
                     return ReadLog(database_, query, from, limits);
                   }),
      mirror_(settings.mirror_bytes_max),
      shared_head_(database),
      log_reader_(database, broadcaster_, mirror_, settings.logger, settings.metrics),
      name_(RandomHex(8)),
      committer_(
          clock,
          [this] {
            return Origin{log_reader_.SeenHead(), name_};
          },
          [this](const Committed& committed) { log_reader_.Feed(committed); }, settings.metrics),
      listener_(
          database.settings(), {"asya_objects"},
          // What this one has written was fed to the reader, or it was woken.
          [this](const std::string&, const std::string& from) {
            if (from != name_) log_reader_.Wake();
          },
          [this] { log_reader_.Wake(); }) {}

ObjectStore::~ObjectStore() { Stop(); }

Status ObjectStore::Start() {
  ASYA_TRY(const Watermark watermark, ReadWatermark(database_));
  sql::postgres::Settings writing = database_.settings();
  writing.connections = 1;
  writing.fixed_plans = true;
  ASYA_TRY(auto written_by, sql::postgres::Database::Open(writing, {}));
  broadcaster_.Start(watermark.head);
  log_reader_.Start(watermark.head);
  committer_.Start(std::move(written_by));
  listener_.Start();
  return Ok();
}

void ObjectStore::Stop() {
  listener_.Stop();
  committer_.Stop();
  log_reader_.Stop();
  broadcaster_.Stop();
}

Result<Record> ObjectStore::Commit(ChangePointer change) {
  auto finished = change->finished.get_future();
  ASYA_TRY_STATUS(committer_.Submit(change));
  if (finished.wait_for(settings_.write_timeout) != std::future_status::ready) {
    return Fail(ErrorCode::kTimeout, Describe(change->record.key) + ": the write took more than " +
                                         std::to_string(settings_.write_timeout.count()) + " ms; it may still happen");
  }
  ASYA_TRY_STATUS(finished.get());
  return change->stored;
}

Result<Record> ObjectStore::Create(Record record, const ports::Author& author) {
  const auto change = std::make_shared<Change>();
  change->type = Event::Type::kAdded;
  change->record = std::move(record);
  change->record.damaged = IsDamaged(*change->record.json);
  change->author = author;
  return Commit(change);
}

Result<Record> ObjectStore::Update(Record record, const Precondition& precondition, const ports::Author& author) {
  const auto change = std::make_shared<Change>();
  change->type = Event::Type::kModified;
  change->precondition = precondition;
  if (!change->precondition.uid && !record.uid.empty()) change->precondition.uid = record.uid;
  change->record = std::move(record);
  change->record.damaged = IsDamaged(*change->record.json);
  change->author = author;
  return Commit(change);
}

Result<Record> ObjectStore::Delete(const ports::ObjectKey& key, const Precondition& precondition,
                                   const ports::Author& author) {
  const auto change = std::make_shared<Change>();
  change->type = Event::Type::kDeleted;
  change->record.key = key;
  change->precondition = precondition;
  change->author = author;
  return Commit(change);
}

Result<bool> ObjectStore::MirrorShows(std::optional<Revision> not_older_than) {
  constexpr std::chrono::milliseconds kAtOnce{0};
  constexpr std::chrono::milliseconds kPatience{1000};  // then the database is asked instead
  if (!mirror_.Reach(not_older_than.value_or(Revision(0)), kAtOnce)) return false;
  if (not_older_than) return true;
  ASYA_TRY(const Revision head, ReadHead());
  if (mirror_.Reach(head, kAtOnce)) return true;
  log_reader_.Wake();
  return mirror_.Reach(head, kPatience);
}

Result<Record> ObjectStore::Get(const ports::ObjectKey& key) { return Read(key, std::nullopt); }

Result<Record> ObjectStore::GetNotOlder(const ports::ObjectKey& key, Revision than) { return Read(key, than); }

Result<Record> ObjectStore::Read(const ports::ObjectKey& key, std::optional<Revision> not_older_than) {
  ASYA_TRY(const bool mirrored, MirrorShows(not_older_than));
  if (mirrored) {
    if (auto found = mirror_.Get(key)) return Whole(*std::move(found));
  }
  ASYA_TRY(const Rows rows, database_.Query("SELECT namespace, name, uid, revision, labels, json FROM objects "
                                            "WHERE resource = $1 AND namespace = $2 AND name = $3",
                                            Parameters().Add(key.resource).Add(key.namespace_).Add(key.name)));
  if (rows.empty()) return NoSuchObject(key);
  return Whole(ReadRecord(rows, 0, 0, key.resource));
}

Result<Revision> ObjectStore::ReadHead() {
  const Revision seen = log_reader_.SeenHead();
  ASYA_TRY(const Revision head, shared_head_.Read());
  ASYA_TRY_STATUS(log_reader_.Saw(head, seen));
  return head;
}

Result<Revision> ObjectStore::Head() { return ReadHead(); }

Result<bool> ObjectStore::Reached(Revision revision) {
  ASYA_TRY(const bool mirrored, MirrorShows(revision));
  return mirrored ? true : ports::ObjectStore::Reached(revision);
}

Result<std::shared_ptr<void>> ObjectStore::Watch(const ports::WatchQuery& query, Revision from,
                                                 std::shared_ptr<ports::WatchSink> sink) {
  ASYA_TRY(const Watermark watermark, ReadWatermark(database_));
  if (from < watermark.compacted) return Compacted(from, watermark.compacted);
  return broadcaster_.Watch(query, from, std::move(sink));
}

Result<std::vector<HistoryEntry>> ObjectStore::History(const ports::HistoryQuery& query) {
  constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();
  constexpr const char* kHistory = R"sql(
SELECT namespace, name, uid, revision, '', json, resource, at, username, user_agent, verb
FROM history WHERE resource = $1 AND namespace = $2 AND name = $3 AND ($4 = '' OR uid = $4)
  AND revision <= $5 AND at <= $6
ORDER BY revision DESC LIMIT $7)sql";
  Parameters parameters;
  parameters.Add(query.key.resource).Add(query.key.namespace_).Add(query.key.name);
  parameters.Add(query.uid.value_or("")).Add(query.upto ? query.upto->get() : kLast);
  parameters.Add(query.at ? ToMicroseconds(*query.at) : kLast).Add(query.limit);
  ASYA_TRY(const Rows rows, database_.Query(kHistory, parameters));
  std::vector<HistoryEntry> entries;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const Record record = ReadRecord(rows, row, 0, rows.Text(row, 6));
    if (record.damaged) return Damaged(record);
    entries.push_back(HistoryEntry{record.key,
                                   record.uid,
                                   record.revision,
                                   FromMicroseconds(rows.Int(row, 7)),
                                   {rows.Text(row, 8), rows.Text(row, 9), rows.Text(row, 10), true},
                                   record.json});
  }
  return entries;
}

}  // namespace asya::storage::postgres
