#include <algorithm>
#include <string>
#include <vector>

#include "storage/drop_history.h"
#include "storage/postgres/object_store.h"
#include "storage/postgres/rows.h"

namespace asya::storage::postgres {

using sql::postgres::Database;
using sql::postgres::Parameters;
using sql::postgres::Rows;
using sql::postgres::Transaction;

namespace {

constexpr const char* kDropTooOld = R"sql(
DELETE FROM history WHERE revision IN (
  SELECT h.revision FROM history h WHERE h.at < $1 AND (
    EXISTS (SELECT 1 FROM history n WHERE n.uid = h.uid AND n.revision > h.revision AND n.at < $1)
    OR (NOT EXISTS (SELECT 1 FROM history n WHERE n.uid = h.uid AND n.revision > h.revision)
        AND NOT EXISTS (SELECT 1 FROM objects o WHERE o.resource = h.resource AND o.namespace = h.namespace
                        AND o.name = h.name AND o.uid = h.uid)))
  ORDER BY h.at LIMIT $2))sql";

constexpr const char* kDropOfObject = R"sql(
DELETE FROM history WHERE revision IN (
  SELECT revision FROM history WHERE uid = $1 AND revision <= (
    SELECT revision FROM history WHERE uid = $1 ORDER BY revision DESC LIMIT 1 OFFSET $2)
  ORDER BY revision LIMIT $3))sql";

constexpr const char* kDropOldest =
    "DELETE FROM history WHERE revision IN (SELECT revision FROM history ORDER BY revision LIMIT $1)";

Result<HistoryExcess> FindExcess(Database& database, const HistoryRetention& kept) {
  HistoryExcess excess;
  const auto find = [&](Transaction& transaction) -> Status {
    ASYA_TRY(const Rows objects,
             transaction.Execute("SELECT uid FROM history GROUP BY uid HAVING count(*) > $1 LIMIT $2",
                                 Parameters().Add(kept.entries_per_object_max).Add(kHistoryDropObjectsMax)));
    for (std::size_t row = 0; row < objects.size(); ++row) excess.objects.push_back(objects.Text(row, 0));
    ASYA_TRY(const Rows all, transaction.Execute("SELECT count(*) FROM history", Parameters()));
    excess.entries = std::max<std::int64_t>(0, all.Int(0, 0) - kept.entries_max);
    return Ok();
  };
  ASYA_TRY_STATUS(database.Read(find));
  return excess;
}

Result<std::int64_t> Drop(Database& database, const char* statement, const Parameters& parameters) {
  std::int64_t dropped = 0;
  ASYA_TRY_STATUS(database.Write([&](Transaction& transaction) -> Status {
    ASYA_TRY(const Rows rows, transaction.Execute(statement, parameters));
    dropped = rows.affected();
    return Ok();
  }));
  return dropped;
}

}  // namespace

Result<std::int64_t> ObjectStore::DropOldHistory() {
  const HistoryRetention& kept = settings_.history;
  ASYA_TRY(const HistoryExcess excess, FindExcess(database_, kept));
  HistoryDrops drops;
  drops.too_old = [&, before = ToMicroseconds(clock_.Now() - kept.age_max)] {
    return Drop(database_, kDropTooOld, Parameters().Add(before).Add(kHistoryDropBatchEntries));
  };
  drops.of_object = [&](const std::string& uid) {
    Parameters parameters;
    parameters.Add(uid).Add(kept.entries_per_object_max).Add(kHistoryDropBatchEntries);
    return Drop(database_, kDropOfObject, parameters);
  };
  drops.oldest = [&](std::int64_t limit) { return Drop(database_, kDropOldest, Parameters().Add(limit)); };
  return DropHistory(excess, drops);
}

}  // namespace asya::storage::postgres
