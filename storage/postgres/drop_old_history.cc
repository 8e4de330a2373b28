#include <algorithm>
#include <string>
#include <vector>

#include "storage/postgres/object_store.h"

namespace asya::storage::postgres {

using sql::postgres::Database;
using sql::postgres::Parameters;
using sql::postgres::Rows;
using sql::postgres::Transaction;

namespace {

constexpr const char* kDropOfObject = R"sql(
DELETE FROM history WHERE revision IN (
  SELECT revision FROM history WHERE uid = $1 AND revision <= (
    SELECT revision FROM history WHERE uid = $1 ORDER BY revision DESC LIMIT 1 OFFSET $2)
  ORDER BY revision LIMIT $3))sql";

constexpr const char* kDropOldest =
    "DELETE FROM history WHERE revision IN (SELECT revision FROM history ORDER BY revision LIMIT $1)";

struct Excess {
  std::vector<std::string> objects;  // uids with too many entries
  std::int64_t entries = 0;          // in all
};

Result<Excess> FindExcess(Database& database, const HistoryRetention& kept) {
  Excess excess;
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
  ASYA_TRY(const Excess excess, FindExcess(database_, kept));
  std::int64_t total = 0;
  std::int64_t dropped = 0;
  for (const std::string& uid : excess.objects) {
    do {
      Parameters parameters;
      parameters.Add(uid).Add(kept.entries_per_object_max).Add(kHistoryDropBatchEntries);
      ASYA_TRY(dropped, Drop(database_, kDropOfObject, parameters));
      total += dropped;
    } while (dropped == kHistoryDropBatchEntries);
  }
  dropped = 1;
  for (std::int64_t left = excess.entries - total; left > 0 && dropped > 0; left -= dropped) {
    ASYA_TRY(dropped, Drop(database_, kDropOldest, Parameters().Add(std::min(left, kHistoryDropBatchEntries))));
    total += dropped;
  }
  return total;
}

}  // namespace asya::storage::postgres
