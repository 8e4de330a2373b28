#include "storage/postgres/rows.h"

#include "storage/damage.h"
#include "storage/labels_text.h"

namespace asya::storage::postgres {

using sql::postgres::Rows;
using sql::postgres::Transaction;

ports::Record ReadRecord(const Rows& rows, std::size_t row, int first, const std::string& resource) {
  ports::Record record;
  record.key = {resource, rows.Text(row, first), rows.Text(row, first + 1)};
  record.uid = rows.Text(row, first + 2);
  record.revision = ports::Revision(rows.Int(row, first + 3));
  record.labels = LabelsFromText(rows.View(row, first + 4));
  record.json = std::make_shared<const std::string>(rows.View(row, first + 5));
  record.damaged = IsDamaged(*record.json);
  return record;
}

namespace {

constexpr const char* kSelectWatermark = "SELECT head, compacted FROM watermark";

}  // namespace

Result<Watermark> ToWatermark(const Rows& rows) {
  if (rows.empty()) return Fail(ErrorCode::kInternal, "the watermark of the store is missing");
  return Watermark{ports::Revision(rows.Int(0, 0)), ports::Revision(rows.Int(0, 1))};
}

Result<Watermark> ReadWatermark(Transaction& transaction) {
  ASYA_TRY(const Rows rows, transaction.Execute(kSelectWatermark));
  return ToWatermark(rows);
}

Result<Watermark> ReadWatermark(sql::postgres::Database& database) {
  ASYA_TRY(const Rows rows, database.Query(kSelectWatermark, {}));
  return ToWatermark(rows);
}

}  // namespace asya::storage::postgres
