#include "storage/sqlite/object_store.h"

#include <utility>

#include "storage/damage.h"
#include "storage/preconditions.h"
#include "storage/sqlite/rows.h"

namespace asya::storage::sqlite {

using ports::Record;
using ports::Revision;
using sql::sqlite::Transaction;

ObjectStore::ObjectStore(sql::sqlite::Database& database, const Clock& clock, const ObjectStoreSettings& settings)
    : database_(database),
      clock_(clock),
      settings_(settings),
      broadcaster_(
          std::make_shared<Broadcaster>(settings.broadcaster, clock,
                                        [this](const ports::WatchQuery& query, Revision from,
                                               const BatchLimits& limits) { return ReadLog(query, from, limits); })) {}

ObjectStore::~ObjectStore() { Stop(); }

Status ObjectStore::Start() {
  return database_.Read([this](Transaction& transaction) -> Status {
    ASYA_TRY(const Watermark watermark, ReadWatermark(transaction));
    compacted_ = watermark.compacted.get();
    broadcaster_->Start(watermark.head);
    return Ok();
  });
}

void ObjectStore::Stop() { broadcaster_->Stop(); }

Result<Record> ObjectStore::Get(const ports::ObjectKey& key) {
  std::optional<Record> record;
  ASYA_TRY_STATUS(database_.Read([&](Transaction& transaction) -> Status {
    ASYA_TRY(auto* const row, transaction.Prepare("SELECT namespace, name, uid, revision, labels, json FROM objects "
                                                  "WHERE resource = ?1 AND namespace = ?2 AND name = ?3"));
    row->Bind(1, key.resource).Bind(2, key.namespace_).Bind(3, key.name);
    ASYA_TRY(const bool found, row->Step());
    if (found) record = ReadRecord(*row, 0, key.resource);
    return Ok();
  }));
  if (!record) return NoSuchObject(key);
  return Whole(*std::move(record));
}

Result<Revision> ObjectStore::Head() { return broadcaster_->Head(); }

Result<std::shared_ptr<void>> ObjectStore::Watch(const ports::WatchQuery& query, Revision from,
                                                 std::shared_ptr<ports::WatchSink> sink) {
  const Revision compacted(compacted_.load());
  if (from < compacted) return Compacted(from, compacted);
  return broadcaster_->Watch(query, from, std::move(sink));
}

}  // namespace asya::storage::sqlite
