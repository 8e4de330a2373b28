#include <algorithm>
#include <memory>
#include <utility>

#include "storage/sqlite/bounded_write.h"
#include "storage/sqlite/rows.h"
#include "storage/sqlite/task_store.h"
#include "storage/sqlite/task_writes.h"

namespace asya::storage::sqlite {

using ports::DeadLetter;
using sql::sqlite::Statement;
using sql::sqlite::Transaction;

namespace {

#define ASYA_SELECT_LETTER                                                                                      \
  "SELECT id, namespace, actor, reason, error_type, error_message, signature, envelope, raw, replayed_as, at, " \
  "sequence "                                                                                                   \
  "FROM dead_letters "

constexpr int kLetterSequenceColumn = 11;

// Of the oldest letters those that are over the count or the age: a look at one batch, however many there are.
constexpr const char* kDropOldLetters = R"sql(
DELETE FROM dead_letters WHERE sequence IN (
  SELECT sequence FROM (SELECT sequence, at, row_number() OVER (ORDER BY sequence) AS place
                        FROM (SELECT sequence, at FROM dead_letters ORDER BY sequence LIMIT ?3))
  WHERE at < ?1 OR place <= ?2))sql";

DeadLetter ReadDeadLetter(const Statement& row) {
  DeadLetter letter;
  letter.id = row.Text(0);
  letter.namespace_ = row.Text(1);
  letter.actor = row.Text(2);
  letter.reason = row.Text(3);
  letter.error_type = row.Text(4);
  letter.error_message = row.Text(5);
  letter.signature = row.Text(6);
  letter.envelope_json = row.Text(7);
  letter.raw_base64 = row.Text(8);
  letter.replayed_as = row.Text(9);
  letter.at = FromMicroseconds(row.Int(10));
  return letter;
}

Status Put(Transaction& transaction, const DeadLetter& letter) {
  ASYA_TRY(auto* const put,
           transaction.Prepare("INSERT INTO dead_letters(id, at, namespace, actor, reason, error_type, "
                               "error_message, signature, envelope, raw, replayed_as) "
                               "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, '' "
                               "WHERE NOT EXISTS (SELECT 1 FROM tasks WHERE id = ?1 AND ?3 <> '' "
                               "AND coalesce(nullif(namespace, ''), 'default') <> ?3) "
                               "ON CONFLICT(id) DO NOTHING"));
  return put->Bind(1, letter.id)
      .Bind(2, ToMicroseconds(letter.at))
      .Bind(3, letter.namespace_)
      .Bind(4, letter.actor)
      .Bind(5, letter.reason)
      .Bind(6, letter.error_type)
      .Bind(7, letter.error_message)
      .Bind(8, SignatureOf(letter))
      .Bind(9, letter.envelope_json)
      .Bind(10, letter.raw_base64)
      .Run();
}

Error NoSuchDeadLetter(const std::string& id) {
  return Fail(ErrorCode::kNotFound, "dead letter \"" + id + "\" not found");
}

}  // namespace

Status TaskStore::PutDeadLetters(const std::vector<DeadLetter>& letters) {
  return Write([letters](Transaction& transaction, Writes& writes) -> Status {
    for (const auto& letter : letters) {
      ASYA_TRY_STATUS(Put(transaction, letter));
      if (transaction.Changes() > 0) writes.Changed(letter.id, true);
    }
    return Ok();
  });
}

Result<DeadLetter> TaskStore::GetDeadLetter(const std::string& id) {
  std::optional<DeadLetter> letter;
  const auto read = [&](Transaction& transaction) -> Status {
    ASYA_TRY(auto* const row, transaction.Prepare(ASYA_SELECT_LETTER "WHERE id = ?1"));
    ASYA_TRY(const bool found, row->Bind(1, id).Step());
    if (found) letter = ReadDeadLetter(*row);
    return Ok();
  };
  ASYA_TRY_STATUS(database_.Read(read));
  if (!letter) return NoSuchDeadLetter(id);
  return *std::move(letter);
}

Result<ports::DeadLetterPage> TaskStore::ListDeadLetters(const ports::DeadLetterFilter& filter) {
  ASYA_TRY(const auto before, ParseCursor(filter.cursor));
  const std::int64_t limit = std::clamp<std::int64_t>(filter.limit, 1, kDeadLettersListedMax);
  ports::DeadLetterPage page;
  const auto read = [&](Transaction& transaction) -> Status {
    ASYA_TRY(auto* const row, transaction.Prepare(ASYA_SELECT_LETTER
                                                  "WHERE (?1 IS NULL OR namespace = ?1) AND (?2 IS NULL OR actor = ?2) "
                                                  "AND (?3 IS NULL OR sequence < ?3) ORDER BY sequence DESC LIMIT ?4"));
    if (filter.namespace_) row->Bind(1, *filter.namespace_);
    if (filter.actor) row->Bind(2, *filter.actor);
    if (before) row->Bind(3, *before);
    row->Bind(4, limit + 1);  // one more, to know whether there is a next page
    std::int64_t last = 0;
    for (;;) {
      ASYA_TRY(const bool found, row->Step());
      if (!found) return Ok();
      if (static_cast<std::int64_t>(page.letters.size()) == limit) {
        page.next_cursor = std::to_string(last);
        return Ok();
      }
      page.letters.push_back(ReadDeadLetter(*row));
      last = row->Int(kLetterSequenceColumn);
    }
  };
  ASYA_TRY_STATUS(database_.Read(read));
  return page;
}

Status TaskStore::MarkReplayed(const std::string& dead_letter_id, const std::string& task_id) {
  return Write([dead_letter_id, task_id](Transaction& transaction, Writes& writes) -> Status {
    ASYA_TRY(auto* const mark, transaction.Prepare("UPDATE dead_letters SET replayed_as = ?2 WHERE id = ?1"));
    ASYA_TRY_STATUS(mark->Bind(1, dead_letter_id).Bind(2, task_id).Run());
    if (transaction.Changes() == 0) return NoSuchDeadLetter(dead_letter_id);
    writes.Changed(dead_letter_id, true);
    return Ok();
  });
}

Result<std::int64_t> TaskStore::DropOldDeadLetters(WallTime now) {
  std::int64_t over = 0;
  ASYA_TRY_STATUS(database_.Read([&](Transaction& transaction) -> Status {
    ASYA_TRY(auto* const row, transaction.Prepare("SELECT count(*) FROM dead_letters"));
    ASYA_TRY(const bool found, row->Step());
    if (found) over = row->Int(0) - settings_.retention.dead_letters_max;
    return Ok();
  }));
  const std::int64_t oldest_kept = ToMicroseconds(now - settings_.retention.dead_letter_age_max);
  const auto dropped = std::make_shared<std::int64_t>(kDeadLetterDropBatch);
  std::int64_t total = 0;
  while (*dropped == kDeadLetterDropBatch) {
    const auto drop = [oldest_kept, over, dropped](Transaction& transaction, Writes&) -> Status {
      ASYA_TRY(auto* const statement, transaction.Prepare(kDropOldLetters));
      ASYA_TRY_STATUS(statement->Bind(1, oldest_kept).Bind(2, over).Bind(3, kDeadLetterDropBatch).Run());
      *dropped = transaction.Changes();
      return Ok();
    };
    ASYA_TRY_STATUS(Write(drop));
    total += *dropped;
    over -= *dropped;
  }
  return total;
}

}  // namespace asya::storage::sqlite
