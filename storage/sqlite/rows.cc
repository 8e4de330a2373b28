#include "storage/sqlite/rows.h"

#include "storage/damage.h"
#include "storage/labels_text.h"

namespace asya::storage::sqlite {

ports::Record ReadRecord(const sql::sqlite::Statement& row, int first, const std::string& resource) {
  ports::Record record;
  record.key = {resource, row.Text(first), row.Text(first + 1)};
  record.uid = row.Text(first + 2);
  record.revision = ports::Revision(row.Int(first + 3));
  record.labels = LabelsFromText(row.View(first + 4));
  record.json = std::make_shared<const std::string>(row.View(first + 5));
  record.damaged = IsDamaged(*record.json);
  return record;
}

Result<Watermark> ReadWatermark(sql::sqlite::Transaction& transaction) {
  ASYA_TRY(auto* const row, transaction.Prepare("SELECT head, compacted FROM watermark"));
  ASYA_TRY(const bool found, row->Step());
  if (!found) return Fail(ErrorCode::kInternal, "the watermark of the store is missing");
  return Watermark{ports::Revision(row->Int(0)), ports::Revision(row->Int(1))};
}

}  // namespace asya::storage::sqlite
