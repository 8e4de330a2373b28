#include "transports/postgres/settle_batch.h"

#include <algorithm>

#include "transports/postgres/tables.h"

namespace asya::transports::postgres {
namespace {

using sql::postgres::Parameters;
using sql::postgres::Rows;
using sql::postgres::Transaction;
using Action = ports::Settlement::Action;
using RowSet = std::set<std::int64_t>;

Status LeaseLost() { return Fail(ErrorCode::kConflict, "the lease was lost"); }

RowSet FirstColumn(const Rows& rows) {
  RowSet found;
  for (std::size_t row = 0; row < rows.size(); ++row) found.insert(rows.Int(row, 0));
  return found;
}

// The settlements of one kind, by their place in the batch.
std::vector<std::size_t> Of(const Batch& batch, Action action) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < batch.settlements.size(); ++i) {
    if (batch.settlements[i].second.action == action) places.push_back(i);
  }
  return places;
}

std::vector<Taken> ReadTaken(const Rows& rows) {
  std::vector<Taken> taken;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    taken.push_back(Taken{rows.Int(row, 0), rows.Int(row, 1), rows.Int(row, 2), {}});
  }
  std::sort(taken.begin(), taken.end(), [](const Taken& left, const Taken& right) {
    return std::pair(left.visible_at_us, left.row) < std::pair(right.visible_at_us, right.row);
  });
  return taken;
}

// A statement of its own, now that the messages are locked: the snapshot of the one before may be older than a retry
// that wrote a body while it waited. One without a body, which nothing here makes, would come as an empty one: no
// envelope, and so a dead letter.
Status ReadBodies(Transaction& transaction, std::vector<Taken>& all) {
  if (all.empty()) return Ok();
  std::map<std::int64_t, Taken*> by_row;
  std::vector<std::int64_t> ids;
  for (Taken& taken : all) {
    ids.push_back(taken.row);
    by_row[taken.row] = &taken;
  }
  ASYA_TRY(const Rows bodies,
           transaction.Execute("SELECT id, body FROM bodies WHERE id = ANY($1::bigint[])", Parameters().Add(ids)));
  for (std::size_t row = 0; row < bodies.size(); ++row) {
    by_row.at(bodies.Int(row, 0))->body = bodies.Bytes(row, 1);
  }
  return Ok();
}

class BatchRun {
 public:
  BatchRun(Transaction& transaction, const Batch& batch) : transaction_(transaction), batch_(batch) {
    outcome_.settled.assign(batch.settlements.size(), LeaseLost());
    outcome_.begun.assign(batch.begins.size(), LeaseLost());
  }

  Result<BatchOutcome> Run() {
    ASYA_TRY(const QueueIds queues, FindAll());
    const auto own = queues.find(batch_.queue);
    if (own == queues.end() || own->second != batch_.queue_id) {
      outcome_.queue_gone = true;
      return outcome_;
    }
    ASYA_TRY_STATUS(Acks(queues));
    ASYA_TRY_STATUS(Retries());
    ASYA_TRY_STATUS(GiveBacks());
    ASYA_TRY_STATUS(Begins());
    ASYA_TRY_STATUS(Keep());
    ASYA_TRY_STATUS(Take());
    ASYA_TRY_STATUS(AddTotals(transaction_, totals_, batch_.owner));
    ASYA_TRY_STATUS(Notify(transaction_, hints_));
    return std::move(outcome_);
  }

 private:
  void MarkDone(const std::vector<std::size_t>& places, const RowSet& done) {
    for (const std::size_t i : places) {
      if (done.contains(batch_.settlements[i].first.row)) outcome_.settled[i] = Ok();
    }
  }
  void HintAt(const std::string& queue, std::int64_t delay_ms) {
    const auto [place, added] = hints_.emplace(queue, delay_ms);
    if (!added) place->second = std::min(place->second, delay_ms);
  }

  Result<QueueIds> FindAll();
  Status Acks(const QueueIds& queues);
  Status Retries();
  Status GiveBacks();
  Status Begins();
  Status Keep();
  Status Take();
  Status FindNext();

  Transaction& transaction_;
  const Batch& batch_;
  BatchOutcome outcome_;
  std::map<std::int64_t, Totals> totals_;
  std::map<std::string, std::int64_t> hints_;
};

// Our own queue, and in the same round trip those that are sent to, which then stay until the commit.
Result<QueueIds> BatchRun::FindAll() {
  std::set<std::string> names;
  for (const std::size_t i : Of(batch_, Action::kAck)) {
    for (const auto& message : batch_.settlements[i].second.publish) names.insert(message.queue);
  }
  if (!names.empty()) {
    names.insert(batch_.queue);
    return FindQueues(transaction_, {names.begin(), names.end()});
  }
  ASYA_TRY(const Rows own,
           transaction_.Execute("SELECT id FROM queues WHERE name = $1", Parameters().Add(batch_.queue)));
  return own.empty() ? QueueIds() : QueueIds{{batch_.queue, own.Int(0, 0)}};
}

Status BatchRun::Acks(const QueueIds& queues) {
  std::vector<std::size_t> places = Of(batch_, Action::kAck);
  if (places.empty()) return Ok();
  std::vector<std::int64_t> rows;
  std::erase_if(places, [&](std::size_t i) {
    Status routed = CheckRoutes(batch_.settlements[i].second.publish, queues);
    if (routed.ok()) rows.push_back(batch_.settlements[i].first.row);
    if (!routed.ok()) outcome_.settled[i] = routed;
    return !routed.ok();
  });
  ASYA_TRY(const Rows removed,
           transaction_.Execute(
               "WITH settled AS (DELETE FROM messages WHERE id = ANY($1::bigint[]) AND lease_owner = $2::bigint "
               "RETURNING id), "
               "gone AS (DELETE FROM bodies b USING settled WHERE b.id = settled.id) "
               "SELECT id FROM settled",
               Parameters().Add(rows).Add(batch_.owner)));
  MarkDone(places, FirstColumn(removed));
  NewMessages added;
  for (const std::size_t i : places) {
    if (!outcome_.settled[i].ok()) continue;
    const auto& publish = batch_.settlements[i].second.publish;
    added.Add(publish, queues);
    ++totals_[batch_.queue_id].settled;
    for (const auto& message : publish) {
      ++totals_[queues.at(message.queue)].arrived;
      HintAt(message.queue, 0);
    }
  }
  return Insert(transaction_, added);
}

Status BatchRun::Retries() {
  const std::vector<std::size_t> places = Of(batch_, Action::kRetry);
  if (places.empty()) return Ok();
  std::vector<std::int64_t> rows;
  std::vector<std::string_view> bodies;
  std::vector<std::int64_t> delays;
  for (const std::size_t i : places) {
    const auto& settlement = batch_.settlements[i].second;
    rows.push_back(batch_.settlements[i].first.row);
    bodies.emplace_back(settlement.retry_body);
    delays.push_back(settlement.retry_delay.count());
    HintAt(batch_.queue, std::chrono::ceil<std::chrono::milliseconds>(settlement.retry_delay).count());
  }
  ASYA_TRY(
      const Rows changed,
      transaction_.Execute("WITH retried AS (UPDATE messages m SET "
                           "visible_at = now() + r.delay_us * interval '1 microsecond', "
                           "leased_until = NULL, lease_owner = NULL, crash_count = 0 "
                           "FROM unnest($1::bigint[], $4::bytea[], $2::bigint[]) AS r(id, body, delay_us) "
                           "WHERE m.id = r.id AND m.lease_owner = $3::bigint RETURNING m.id, r.body), "
                           "written AS (UPDATE bodies b SET body = retried.body FROM retried WHERE b.id = retried.id) "
                           "SELECT id FROM retried",
                           Parameters().Add(rows).Add(delays).Add(batch_.owner).AddBytes(bodies)));
  MarkDone(places, FirstColumn(changed));
  return Ok();
}

Status BatchRun::GiveBacks() {
  const std::vector<std::size_t> places = Of(batch_, Action::kGiveBack);
  if (places.empty()) return Ok();
  std::vector<std::int64_t> rows;
  std::vector<std::int64_t> counts;
  for (const std::size_t i : places) {
    const auto& [leased, settlement] = batch_.settlements[i];
    rows.push_back(leased.row);
    counts.push_back(std::max(leased.crash_count_before, settlement.crash_count));
  }
  ASYA_TRY(
      const Rows changed,
      transaction_.Execute("UPDATE messages m SET leased_until = NULL, lease_owner = NULL, crash_count = r.crash_count "
                           "FROM unnest($1::bigint[], $2::bigint[]) AS r(id, crash_count) "
                           "WHERE m.id = r.id AND m.lease_owner = $3::bigint RETURNING m.id",
                           Parameters().Add(rows).Add(counts).Add(batch_.owner)));
  MarkDone(places, FirstColumn(changed));
  HintAt(batch_.queue, 0);
  return Ok();
}

Status BatchRun::Begins() {
  if (batch_.begins.empty()) return Ok();
  std::vector<std::int64_t> rows;
  std::vector<std::int64_t> counts;
  for (const auto& begin : batch_.begins) {
    rows.push_back(begin.leased.row);
    counts.push_back(begin.crash_count);
  }
  ASYA_TRY(const Rows changed, transaction_.Execute("UPDATE messages m SET crash_count = r.crash_count "
                                                    "FROM unnest($1::bigint[], $2::bigint[]) AS r(id, crash_count) "
                                                    "WHERE m.id = r.id AND m.lease_owner = $3::bigint RETURNING m.id",
                                                    Parameters().Add(rows).Add(counts).Add(batch_.owner)));
  const RowSet done = FirstColumn(changed);
  for (std::size_t i = 0; i < batch_.begins.size(); ++i) {
    if (done.contains(batch_.begins[i].leased.row)) outcome_.begun[i] = Ok();
  }
  return Ok();
}

Status BatchRun::Keep() {
  if (batch_.keep.empty()) return Ok();
  ASYA_TRY(const Rows kept,
           transaction_.Execute("UPDATE messages SET leased_until = now() + $3::bigint * interval '1 millisecond' "
                                "WHERE id = ANY($1::bigint[]) AND lease_owner = $2::bigint",
                                Parameters().Add(batch_.keep).Add(batch_.owner).Add(batch_.lease_ms)));
  static_cast<void>(kept);
  return Ok();
}

Status BatchRun::Take() {
  if (batch_.wanted == 0) return Ok();
  ASYA_TRY(const Rows rows,
           transaction_.Execute(
               "UPDATE messages m SET lease_owner = $2::bigint, "
               "leased_until = now() + $3::bigint * interval '1 millisecond' "
               "FROM (SELECT id FROM messages WHERE queue_id = $1::bigint AND visible_at <= now() "
               "AND (leased_until IS NULL OR leased_until <= now()) ORDER BY visible_at, id LIMIT $4::bigint "
               "FOR UPDATE SKIP LOCKED) AS free WHERE m.id = free.id "
               "RETURNING m.id, m.crash_count, (extract(epoch FROM m.visible_at) * 1000000)::bigint",
               Parameters().Add(batch_.queue_id).Add(batch_.owner).Add(batch_.lease_ms).Add(batch_.wanted)));
  outcome_.taken = ReadTaken(rows);
  ASYA_TRY_STATUS(ReadBodies(transaction_, outcome_.taken));
  if (static_cast<std::int64_t>(outcome_.taken.size()) < batch_.wanted) return FindNext();
  outcome_.next_ms = 0;
  return Ok();
}

Status BatchRun::FindNext() {
  ASYA_TRY(const Rows next,
           transaction_.Execute(
               "SELECT ceil(extract(epoch FROM min(greatest(visible_at, leased_until)) - now()) * 1000)::bigint "
               "FROM messages WHERE queue_id = $1::bigint AND lease_owner IS DISTINCT FROM $2::bigint "
               "AND (visible_at > now() OR leased_until > now())",
               Parameters().Add(batch_.queue_id).Add(batch_.owner)));
  if (!next.IsNull(0, 0)) outcome_.next_ms = std::max<std::int64_t>(1, next.Int(0, 0));
  return Ok();
}

}  // namespace

Result<BatchOutcome> RunBatch(Transaction& transaction, const Batch& batch) {
  return BatchRun(transaction, batch).Run();
}

Result<std::vector<std::int64_t>> Inherit(Transaction& transaction, std::int64_t queue_id,
                                          const std::vector<std::int64_t>& from, std::int64_t owner,
                                          std::int64_t lease_ms) {
  ASYA_TRY(const Rows rows,
           transaction.Execute("UPDATE messages SET lease_owner = $3::bigint, "
                               "leased_until = now() + $4::bigint * interval '1 millisecond' "
                               "WHERE queue_id = $1::bigint AND lease_owner = ANY($2::bigint[]) RETURNING id",
                               Parameters().Add(queue_id).Add(from).Add(owner).Add(lease_ms)));
  const RowSet found = FirstColumn(rows);
  return std::vector<std::int64_t>(found.begin(), found.end());
}

Result<std::vector<Taken>> TakeAgain(Transaction& transaction, const std::vector<std::int64_t>& rows,
                                     std::int64_t owner, std::int64_t lease_ms) {
  ASYA_TRY(const Rows ours,
           transaction.Execute("UPDATE messages SET leased_until = now() + $3::bigint * interval '1 millisecond' "
                               "WHERE id = ANY($1::bigint[]) AND lease_owner = $2::bigint "
                               "RETURNING id, crash_count, (extract(epoch FROM visible_at) * 1000000)::bigint",
                               Parameters().Add(rows).Add(owner).Add(lease_ms)));
  std::vector<Taken> taken = ReadTaken(ours);
  ASYA_TRY_STATUS(ReadBodies(transaction, taken));
  return taken;
}

Status Release(Transaction& transaction, const std::string& queue, std::int64_t queue_id, std::int64_t owner) {
  ASYA_TRY(const Rows released, transaction.Execute("UPDATE messages SET leased_until = NULL, lease_owner = NULL "
                                                    "WHERE queue_id = $1::bigint AND lease_owner = $2::bigint",
                                                    Parameters().Add(queue_id).Add(owner)));
  if (released.affected() == 0) return Ok();
  return Notify(transaction, {{queue, 0}});
}

}  // namespace asya::transports::postgres
