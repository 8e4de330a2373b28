#include <algorithm>
#include <functional>
#include <string>

#include "storage/drop_history.h"
#include "storage/sqlite/object_store.h"
#include "storage/sqlite/rows.h"

namespace asya::storage::sqlite {

using sql::sqlite::Database;
using sql::sqlite::Transaction;

namespace {

constexpr const char* kDropTooOld = R"sql(
DELETE FROM history WHERE revision IN (
  SELECT h.revision FROM history h WHERE h.at < ?1 AND (
    EXISTS (SELECT 1 FROM history n WHERE n.uid = h.uid AND n.revision > h.revision AND n.at < ?1)
    OR (NOT EXISTS (SELECT 1 FROM history n WHERE n.uid = h.uid AND n.revision > h.revision)
        AND NOT EXISTS (SELECT 1 FROM objects o WHERE o.resource = h.resource AND o.namespace = h.namespace
                        AND o.name = h.name AND o.uid = h.uid)))
  ORDER BY h.at LIMIT ?2))sql";

constexpr const char* kDropOfObject = R"sql(
DELETE FROM history WHERE revision IN (
  SELECT revision FROM history WHERE uid = ?1 AND revision <= (
    SELECT revision FROM history WHERE uid = ?1 ORDER BY revision DESC LIMIT 1 OFFSET ?2)
  ORDER BY revision LIMIT ?3))sql";

constexpr const char* kDropOldest =
    "DELETE FROM history WHERE revision IN (SELECT revision FROM history ORDER BY revision LIMIT ?1)";

// Reads the index by uid alone.
Result<HistoryExcess> FindExcess(Database& database, const HistoryRetention& kept) {
  HistoryExcess excess;
  const auto find = [&](Transaction& transaction) -> Status {
    ASYA_TRY(auto* const objects,
             transaction.Prepare("SELECT uid FROM history GROUP BY uid HAVING count(*) > ?1 LIMIT ?2"));
    objects->Bind(1, kept.entries_per_object_max).Bind(2, kHistoryDropObjectsMax);
    for (;;) {
      ASYA_TRY(const bool found, objects->Step());
      if (!found) break;
      excess.objects.push_back(objects->Text(0));
    }
    ASYA_TRY(auto* const all, transaction.Prepare("SELECT count(*) FROM history"));
    ASYA_TRY(const bool counted, all->Step());
    if (counted) excess.entries = std::max<std::int64_t>(0, all->Int(0) - kept.entries_max);
    return Ok();
  };
  ASYA_TRY_STATUS(database.Read(find));
  return excess;
}

}  // namespace

Result<std::int64_t> ObjectStore::DropOldHistory() {
  const HistoryRetention& kept = settings_.history;
  ASYA_TRY(const HistoryExcess excess, FindExcess(database_, kept));
  const auto run = [this](const std::function<Status(Transaction&)>& job) -> Result<std::int64_t> {
    std::int64_t dropped = 0;
    const auto counted = [&](Transaction& transaction) -> Status {
      ASYA_TRY_STATUS(job(transaction));
      dropped = transaction.Changes();
      return Ok();
    };
    ASYA_TRY_STATUS(database_.Write(counted));
    return dropped;
  };
  HistoryDrops drops;
  drops.too_old = [&, before = ToMicroseconds(clock_.Now() - kept.age_max)] {
    return run([&](Transaction& transaction) -> Status {
      ASYA_TRY(auto* const statement, transaction.Prepare(kDropTooOld));
      return statement->Bind(1, before).Bind(2, kHistoryDropBatchEntries).Run();
    });
  };
  drops.of_object = [&](const std::string& uid) {
    return run([&](Transaction& transaction) -> Status {
      ASYA_TRY(auto* const statement, transaction.Prepare(kDropOfObject));
      return statement->Bind(1, uid).Bind(2, kept.entries_per_object_max).Bind(3, kHistoryDropBatchEntries).Run();
    });
  };
  drops.oldest = [&](std::int64_t limit) {
    return run([&](Transaction& transaction) -> Status {
      ASYA_TRY(auto* const statement, transaction.Prepare(kDropOldest));
      return statement->Bind(1, limit).Run();
    });
  };
  return DropHistory(excess, drops);
}

}  // namespace asya::storage::sqlite
