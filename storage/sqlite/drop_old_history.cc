#include <algorithm>
#include <string>
#include <vector>

#include "storage/sqlite/object_store.h"

namespace asya::storage::sqlite {

using sql::sqlite::Database;
using sql::sqlite::Transaction;

namespace {

constexpr const char* kDropOfObject = R"sql(
DELETE FROM history WHERE revision IN (
  SELECT revision FROM history WHERE uid = ?1 AND revision <= (
    SELECT revision FROM history WHERE uid = ?1 ORDER BY revision DESC LIMIT 1 OFFSET ?2)
  ORDER BY revision LIMIT ?3))sql";

constexpr const char* kDropOldest =
    "DELETE FROM history WHERE revision IN (SELECT revision FROM history ORDER BY revision LIMIT ?1)";

struct Excess {
  std::vector<std::string> objects;  // uids with too many entries
  std::int64_t entries = 0;          // in all
};

// Reads the index by uid alone.
Result<Excess> FindExcess(Database& database, const HistoryRetention& kept) {
  Excess excess;
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
  ASYA_TRY(const Excess excess, FindExcess(database_, kept));
  std::int64_t total = 0;
  std::int64_t dropped = 0;
  for (const std::string& uid : excess.objects) {
    const auto drop = [&](Transaction& transaction) -> Status {
      ASYA_TRY(auto* const statement, transaction.Prepare(kDropOfObject));
      statement->Bind(1, uid).Bind(2, kept.entries_per_object_max).Bind(3, kHistoryDropBatchEntries);
      ASYA_TRY_STATUS(statement->Run());
      dropped = transaction.Changes();
      return Ok();
    };
    do {
      ASYA_TRY_STATUS(database_.Write(drop));
      total += dropped;
    } while (dropped == kHistoryDropBatchEntries);
  }
  std::int64_t left = excess.entries - total;
  const auto drop_oldest = [&](Transaction& transaction) -> Status {
    ASYA_TRY(auto* const statement, transaction.Prepare(kDropOldest));
    ASYA_TRY_STATUS(statement->Bind(1, std::min(left, kHistoryDropBatchEntries)).Run());
    dropped = transaction.Changes();
    return Ok();
  };
  for (dropped = 1; left > 0 && dropped > 0; left -= dropped) {
    ASYA_TRY_STATUS(database_.Write(drop_oldest));
    total += dropped;
  }
  return total;
}

}  // namespace asya::storage::sqlite
