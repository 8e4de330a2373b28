#include <algorithm>
#include <utility>

#include "storage/postgres/rows.h"
#include "storage/postgres/task_store.h"

namespace asya::storage::postgres {

using ports::DeadLetter;
using sql::postgres::Parameters;
using sql::postgres::Rows;
using sql::postgres::Transaction;

namespace {

#define ASYA_SELECT_LETTER                                                                                      \
  "SELECT id, namespace, actor, reason, error_type, error_message, signature, envelope, raw, replayed_as, at, " \
  "sequence "                                                                                                   \
  "FROM dead_letters "

constexpr std::size_t kLetterSequenceColumn = 11;

// Of the oldest letters those that are over the count or the age: a look at one batch, however many there are.
constexpr const char* kDropOldLetters = R"sql(
DELETE FROM dead_letters WHERE sequence IN (
  SELECT sequence FROM (SELECT sequence, at, row_number() OVER (ORDER BY sequence) AS place
                        FROM (SELECT sequence, at FROM dead_letters ORDER BY sequence LIMIT $3) AS oldest) AS placed
  WHERE at < $1 OR place <= $2))sql";

DeadLetter ReadDeadLetter(const Rows& rows, std::size_t row) {
  DeadLetter letter;
  letter.id = rows.Text(row, 0);
  letter.namespace_ = rows.Text(row, 1);
  letter.actor = rows.Text(row, 2);
  letter.reason = rows.Text(row, 3);
  letter.error_type = rows.Text(row, 4);
  letter.error_message = rows.Text(row, 5);
  letter.signature = rows.Text(row, 6);
  letter.envelope_json = rows.Text(row, 7);
  letter.raw_base64 = rows.Text(row, 8);
  letter.replayed_as = rows.Text(row, 9);
  letter.at = FromMicroseconds(rows.Int(row, 10));
  return letter;
}

// Whether it was new.
Result<bool> Put(Transaction& transaction, const DeadLetter& letter) {
  ASYA_TRY(const Rows rows,
           transaction.Execute("INSERT INTO dead_letters(id, at, namespace, actor, reason, error_type, error_message, "
                               "signature, envelope, raw, replayed_as) "
                               "SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '' WHERE NOT EXISTS (SELECT FROM tasks "
                               "WHERE id = $1 AND $3 <> '' AND coalesce(nullif(namespace, ''), 'default') <> $3) "
                               "ON CONFLICT(id) DO NOTHING",
                               Parameters()
                                   .Add(letter.id)
                                   .Add(ToMicroseconds(letter.at))
                                   .Add(letter.namespace_)
                                   .Add(letter.actor)
                                   .Add(letter.reason)
                                   .Add(letter.error_type)
                                   .Add(letter.error_message)
                                   .Add(SignatureOf(letter))
                                   .Add(letter.envelope_json)
                                   .Add(letter.raw_base64)));
  return rows.affected() > 0;
}

Error NoSuchDeadLetter(const std::string& id) {
  return Fail(ErrorCode::kNotFound, "dead letter \"" + id + "\" not found");
}

}  // namespace

Status TaskStore::PutDeadLetters(const std::vector<DeadLetter>& letters) {
  return Write([&](Transaction& transaction, Ids& changed) -> Status {
    for (const auto& letter : letters) {
      ASYA_TRY(const bool is_new, Put(transaction, letter));
      if (is_new) changed.push_back(letter.id);
    }
    return Ok();
  });
}

Result<DeadLetter> TaskStore::GetDeadLetter(const std::string& id) {
  std::optional<DeadLetter> letter;
  const auto read = [&](Transaction& transaction) -> Status {
    ASYA_TRY(const Rows rows, transaction.Execute(ASYA_SELECT_LETTER "WHERE id = $1", Parameters().Add(id)));
    if (!rows.empty()) letter = ReadDeadLetter(rows, 0);
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
    Parameters parameters;
    filter.namespace_ ? parameters.Add(*filter.namespace_) : parameters.AddNull();
    filter.actor ? parameters.Add(*filter.actor) : parameters.AddNull();
    before ? parameters.Add(*before) : parameters.AddNull();
    parameters.Add(limit + 1);  // one more, to know whether there is a next page
    ASYA_TRY(const Rows rows, transaction.Execute(ASYA_SELECT_LETTER "WHERE ($1::text IS NULL OR namespace = $1) "
                                                                     "AND ($2::text IS NULL OR actor = $2) "
                                                                     "AND ($3::bigint IS NULL OR sequence < $3) "
                                                                     "ORDER BY sequence DESC LIMIT $4",
                                                  parameters));
    const std::size_t shown = std::min(rows.size(), static_cast<std::size_t>(limit));
    for (std::size_t row = 0; row < shown; ++row) page.letters.push_back(ReadDeadLetter(rows, row));
    if (rows.size() > shown) page.next_cursor = rows.Text(shown - 1, kLetterSequenceColumn);
    return Ok();
  };
  ASYA_TRY_STATUS(database_.Read(read));
  return page;
}

Status TaskStore::MarkReplayed(const std::string& dead_letter_id, const std::string& task_id) {
  return Write([&](Transaction& transaction, Ids& changed) -> Status {
    ASYA_TRY(const Rows rows, transaction.Execute("UPDATE dead_letters SET replayed_as = $2 WHERE id = $1",
                                                  Parameters().Add(dead_letter_id).Add(task_id)));
    if (rows.affected() == 0) return NoSuchDeadLetter(dead_letter_id);
    changed.push_back(dead_letter_id);
    return Ok();
  });
}

Result<std::int64_t> TaskStore::DropOldDeadLetters(WallTime now) {
  std::int64_t over = 0;
  ASYA_TRY_STATUS(database_.Read([&](Transaction& transaction) -> Status {
    ASYA_TRY(const Rows rows, transaction.Execute("SELECT count(*) FROM dead_letters", Parameters()));
    over = rows.Int(0, 0) - retention_.dead_letters_max;
    return Ok();
  }));
  const std::int64_t oldest_kept = ToMicroseconds(now - retention_.dead_letter_age_max);
  std::int64_t total = 0;
  std::int64_t dropped = kDeadLetterDropBatch;
  while (dropped == kDeadLetterDropBatch) {
    ASYA_TRY_STATUS(database_.Write([&](Transaction& transaction) -> Status {
      Parameters parameters;
      parameters.Add(oldest_kept).Add(over).Add(kDeadLetterDropBatch);
      ASYA_TRY(const Rows rows, transaction.Execute(kDropOldLetters, parameters));
      dropped = rows.affected();
      return Ok();
    }));
    total += dropped;
    over -= dropped;
  }
  return total;
}

}  // namespace asya::storage::postgres
