#include "transports/postgres/settle_batch.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <unordered_map>

#include "transports/postgres/tables.h"

namespace asya::transports::postgres {
namespace {

using sql::postgres::Parameters;
using sql::postgres::Rows;
using sql::postgres::Transaction;
using Action = ports::Settlement::Action;

Status LeaseLost() { return Fail(ErrorCode::kConflict, "the lease was lost"); }

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

// A statement of its own, as in the function.
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

// What the function is told, and where in the batch each row stands of which it tells something.
struct Call {
  std::vector<std::int64_t> acknowledged;
  std::vector<std::int64_t> sent_by;  // of the three, one each a message
  std::vector<std::string> sent_to;
  std::vector<std::string_view> sent;
  std::vector<std::int64_t> retried;
  std::vector<std::int64_t> retried_delays_us;
  std::vector<std::string_view> retried_bodies;
  std::vector<std::int64_t> given_back;
  std::vector<std::int64_t> given_back_crashes;
  std::vector<std::int64_t> begun;
  std::vector<std::int64_t> begun_crashes;
  std::unordered_map<std::int64_t, std::size_t> settlement_of;
  std::unordered_map<std::int64_t, std::size_t> begin_of;
};

void AddAck(Call& call, const Leased& leased, const ports::Settlement& settlement) {
  call.acknowledged.push_back(leased.row);
  for (const auto& message : settlement.publish) {
    call.sent_by.push_back(leased.row);
    call.sent_to.push_back(message.queue);
    call.sent.emplace_back(message.body);
  }
}

void AddRetry(Call& call, const Leased& leased, const ports::Settlement& settlement) {
  call.retried.push_back(leased.row);
  call.retried_delays_us.push_back(settlement.retry_delay.count());
  call.retried_bodies.emplace_back(settlement.retry_body);
}

void AddGiveBack(Call& call, const Leased& leased, const ports::Settlement& settlement) {
  call.given_back.push_back(leased.row);
  call.given_back_crashes.push_back(std::max(leased.crash_count_before, settlement.crash_count));
}

Call CallOf(const Batch& batch, BatchOutcome& outcome) {
  Call call;
  for (std::size_t i = 0; i < batch.settlements.size(); ++i) {
    const Leased& leased = batch.settlements[i].first;
    const ports::Settlement& settlement = *batch.settlements[i].second;
    const auto& publish = settlement.publish;
    const auto odd = std::find_if(publish.begin(), publish.end(), [](const auto& m) { return !CanBeNamed(m.queue); });
    if (odd != publish.end()) {
      outcome.settled[i] = NoQueue(odd->queue);
      continue;
    }
    // Leased twice, which takes a clock that jumps: the first outcome stands.
    if (!call.settlement_of.emplace(leased.row, i).second) continue;
    if (settlement.action == Action::kAck) AddAck(call, leased, settlement);
    if (settlement.action == Action::kRetry) AddRetry(call, leased, settlement);
    if (settlement.action == Action::kGiveBack) AddGiveBack(call, leased, settlement);
  }
  for (std::size_t i = 0; i < batch.begins.size(); ++i) {
    call.begin_of[batch.begins[i].leased.row] = i;
    call.begun.push_back(batch.begins[i].leased.row);
    call.begun_crashes.push_back(batch.begins[i].crash_count);
  }
  return call;
}

Parameters ParametersOf(const Batch& batch, const Call& call) {
  Parameters parameters;
  parameters.Add(batch.queue).Add(batch.queue_id).Add(batch.owner).Add(ShardOf(batch.owner)).Add(batch.lease_ms);
  parameters.Add(call.acknowledged).Add(call.sent_by).Add(call.sent_to);
  parameters.Add(call.retried).Add(call.retried_delays_us);
  parameters.Add(call.given_back).Add(call.given_back_crashes);
  parameters.Add(call.begun).Add(call.begun_crashes).Add(batch.keep).Add(batch.wanted);
  parameters.AddBytes(call.sent).AddBytes(call.retried_bodies);
  return parameters;
}

void ReadRow(const Rows& rows, std::size_t row, const Call& call, BatchOutcome& outcome) {
  const std::string_view kind = rows.View(row, 0);
  const std::int64_t line = rows.Int(row, 1);
  if (kind == "gone") outcome.queue_gone = true;
  if (kind == "unroutable") {
    const auto place = static_cast<std::size_t>(rows.Int(row, 2)) - 1;
    outcome.settled[call.settlement_of.at(line)] = NoQueue(call.sent_to.at(place));
  }
  if (kind == "settled") outcome.settled[call.settlement_of.at(line)] = Ok();
  if (kind == "begun") outcome.begun[call.begin_of.at(line)] = Ok();
  if (kind == "taken") outcome.taken.push_back({line, rows.Int(row, 2), rows.Int(row, 3), rows.Bytes(row, 4)});
  if (kind == "next" && !rows.IsNull(row, 2)) outcome.next_ms = std::max<std::int64_t>(1, rows.Int(row, 2));
}

}  // namespace

Result<BatchOutcome> RunBatch(sql::postgres::Database& database, const Batch& batch) {
  BatchOutcome outcome;
  outcome.settled.assign(batch.settlements.size(), LeaseLost());
  outcome.begun.assign(batch.begins.size(), LeaseLost());
  const Call call = CallOf(batch, outcome);
  ASYA_TRY(const Rows rows,
           database.Call("SELECT kind, line, number, since_us, content FROM settle_and_take($1::text, $2::bigint, "
                         "$3::bigint, $4::bigint, $5::bigint, $6::bigint[], $7::bigint[], $8::text[], $9::bigint[], "
                         "$10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[], "
                         "$16::bigint, $17::bytea[], $18::bytea[])",
                         ParametersOf(batch, call)));
  for (std::size_t row = 0; row < rows.size(); ++row) ReadRow(rows, row, call, outcome);
  const bool enough = batch.wanted > 0 && static_cast<std::int64_t>(outcome.taken.size()) >= batch.wanted;
  if (enough) outcome.next_ms = 0;
  return outcome;
}

Result<std::vector<std::int64_t>> Inherit(Transaction& transaction, std::int64_t queue_id,
                                          const std::vector<std::int64_t>& from, std::int64_t owner,
                                          std::int64_t lease_ms) {
  ASYA_TRY(const Rows rows,
           transaction.Execute("UPDATE messages SET lease_owner = $3::bigint, "
                               "leased_until = now() + $4::bigint * interval '1 millisecond' "
                               "WHERE queue_id = $1::bigint AND lease_owner = ANY($2::bigint[]) RETURNING id",
                               Parameters().Add(queue_id).Add(from).Add(owner).Add(lease_ms)));
  std::vector<std::int64_t> found;
  for (std::size_t row = 0; row < rows.size(); ++row) found.push_back(rows.Int(row, 0));
  std::sort(found.begin(), found.end());
  return found;
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

Status Release(Transaction& transaction, const std::string& queue, std::int64_t queue_id,
               const std::vector<std::int64_t>& owners) {
  if (owners.empty()) return Ok();
  ASYA_TRY(const Rows released, transaction.Execute("UPDATE messages SET leased_until = NULL, lease_owner = NULL "
                                                    "WHERE queue_id = $1::bigint AND lease_owner = ANY($2::bigint[])",
                                                    Parameters().Add(queue_id).Add(owners)));
  if (released.affected() == 0) return Ok();
  return Notify(transaction, queue, 0);
}

}  // namespace asya::transports::postgres
