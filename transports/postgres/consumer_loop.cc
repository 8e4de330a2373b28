// The consumer's thread: connecting, one transaction after another, telling what came of each.
#include <algorithm>
#include <limits>
#include <utility>

#include "transports/postgres/consumer.h"
#include "transports/postgres/owners.h"
#include "transports/postgres/tables.h"

namespace asya::transports::postgres {
namespace {

constexpr int kDoublingsMax = 16;  // of the time between two tries to connect
constexpr int kKeepsPerLease = 3;
constexpr std::chrono::milliseconds kGiveUpAfterServer{2000};
constexpr std::ptrdiff_t kFormerOwnersMax = 64;  // of processes that died before they had reached the database
constexpr std::ptrdiff_t kBatchSettlementsMax = 512;
// Bodies of one transaction: they travel all in one parameter, and have to arrive within its time.
constexpr std::size_t kBatchBytesMax = 16U << 20U;

std::size_t BytesOf(const ports::Settlement& settlement) {
  std::size_t bytes = settlement.retry_body.size();
  for (const auto& message : settlement.publish) bytes += message.body.size();
  return bytes;
}

// The server has answered, and what it does not take is something in the batch.
bool RefusedAlone(const Error& error) {
  return error.code == ErrorCode::kInvalid || error.code == ErrorCode::kTooLarge;
}

}  // namespace

void Consumer::Work() {
  while (!MayEnd()) {
    if (!connected_ && clock_.Steady() >= connect_at_) Connect();
    TellAnswers();
    bool abandoned = false;
    {
      const std::lock_guard lock(mutex_);
      abandoned = std::exchange(abandon_, false);
    }
    if (abandoned && connected_) {
      Lose("the connection was cut");
      owner_ = 0;
      continue;
    }
    if (const auto batch = TakeBatch(); batch.has_value()) {
      RunOne(*batch);
    } else {
      WaitForWork();
    }
  }
  TellAnswers();
  ReleaseAll();
}

bool Consumer::MayEnd() {
  const std::lock_guard lock(mutex_);
  if (!stopping_) return false;
  return !connected_ || clock_.Steady() >= stop_by_ || settlements_.empty();
}

void Consumer::Connect() {
  if (Status found = FindQueue(); !found.ok()) return Lose(found.error().message);
  connected_ = true;
  keep_at_ = clock_.Steady() + settings_.lease / kKeepsPerLease;
  look_at_ = clock_.Steady() + settings_.poll;
  TellConnection(true, "");
  TellInherited();
}

Status Consumer::FindQueue() {
  if (database_ == nullptr) {
    sql::postgres::Settings database = settings_.database;
    // Otherwise queues are found by a plan that is made anew for each batch, which takes longer than finding them.
    database.fixed_plans = true;
    // A batch is one statement; the server gives it up before this end does.
    database.statement_timeout = database.job_timeout - kGiveUpAfterServer;
    ASYA_TRY(database_, sql::postgres::Database::Open(database, {}));
  }
  if (next_owner_ == 0) NameOwner();
  std::int64_t queue_id = 0;
  const Status found = database_->Write([&](sql::postgres::Transaction& transaction) -> Status {
    ASYA_TRY(const auto queue, transaction.Execute("SELECT id FROM queues WHERE name = $1 FOR KEY SHARE",
                                                   sql::postgres::Parameters().Add(settings_.queue)));
    if (queue.empty()) return Fail(ErrorCode::kNotFound, "queue " + settings_.queue + " does not exist");
    queue_id = queue.Int(0, 0);
    ASYA_TRY_STATUS(Release(transaction, settings_.queue, queue_id, former_));
    inherited_.clear();
    if (owner_ == 0) return Ok();
    // Our relay lives, and may still work on what was leased over the connection before, or have its result.
    ASYA_TRY(inherited_, Inherit(transaction, queue_id, {owner_, next_owner_}, next_owner_, settings_.lease.count()));
    return Ok();
  });
  if (!found.ok()) return found;
  queue_id_ = queue_id;
  owner_ = std::exchange(next_owner_, 0);
  former_.clear();
  return Ok();
}

// Before anything is leased under the number.
void Consumer::NameOwner() {
  next_owner_ = random_.Between(1, std::numeric_limits<std::int64_t>::max());
  if (settings_.owners_file.empty()) return;
  std::vector<std::int64_t> owners = former_;
  if (owners.size() > kFormerOwnersMax) owners.erase(owners.begin(), owners.end() - kFormerOwnersMax);
  for (const std::int64_t own : {owner_, next_owner_}) {
    if (own != 0) owners.push_back(own);
  }
  WriteOwners(settings_.owners_file, owners);
}

// As many at a time as arrive within the time of a transaction. The rows keep the count of a call that began, for it
// may run to this day; that its connection was lost is told as no crash.
void Consumer::TellInherited() {
  while (!inherited_.empty()) {
    const std::size_t count = std::min(inherited_.size(), static_cast<std::size_t>(take_max_));
    const std::vector<std::int64_t> rows(inherited_.end() - static_cast<std::ptrdiff_t>(count), inherited_.end());
    std::vector<Taken> taken;
    const Status status = database_->Write([&](sql::postgres::Transaction& transaction) -> Status {
      ASYA_TRY(taken, TakeAgain(transaction, rows, owner_, settings_.lease.count()));
      return Ok();
    });
    if (!status.ok()) {
      take_max_ = std::max<std::int64_t>(1, static_cast<std::int64_t>(count) / 4);
      return Lose(status.error().message);
    }
    inherited_.resize(inherited_.size() - count);
    if (taken.empty()) continue;
    MeasureTaken(taken);
    for (Taken& one : taken) {
      if (const auto known = was_leased_.find(one.row); known != was_leased_.end()) one.crash_count = known->second;
    }
    TellDeliveries(std::move(taken), true);
  }
  was_leased_.clear();
}

void Consumer::TellDeliveries(std::vector<Taken> taken, bool inherited) {
  std::vector<ports::Delivery> deliveries;
  {
    const std::lock_guard lock(mutex_);
    for (Taken& one : taken) {
      const ports::DeliveryTag tag(++last_tag_);
      leases_.emplace(tag, Lease{Leased{one.row, one.crash_count}, false});
      // What is granted at once, before these are known, is granted in their place.
      const bool uses_credit = !inherited || credits_ > 0;
      if (inherited && uses_credit) --credits_;
      deliveries.push_back({tag, std::move(one.body), one.crash_count,
                            WallTime(std::chrono::microseconds(one.visible_at_us)), uses_credit});
    }
  }
  if (!deliveries.empty()) events_->OnDeliveries(std::move(deliveries));
}

void Consumer::Lose(const std::string& reason) {
  connected_ = false;
  const auto longest =
      std::min(settings_.reconnect_max, settings_.reconnect_min * (1 << std::min(failures_, kDoublingsMax)));
  ++failures_;
  const double factor = 0.5 + random_.Unit();
  connect_at_ = clock_.Steady() + std::chrono::duration_cast<SteadyTime::duration>(longest * factor);
  TellConnection(false, reason);
}

void Consumer::TellConnection(bool connected, const std::string& reason) {
  {
    const std::lock_guard lock(mutex_);
    ready_ = connected;
    credits_ = 0;
    settlements_.clear();
    begins_.clear();
    for (const auto& [tag, lease] : leases_) {
      was_leased_.insert_or_assign(lease.leased.row, lease.leased.crash_count_before);
    }
    leases_.clear();
    answers_.clear();
  }
  // The same trouble is told once, not at each try.
  if (!connected && told_ == reason) return;
  told_ = connected ? std::nullopt : std::optional<std::string>(reason);
  events_->OnConnection(connected, reason);
}

void Consumer::TellAnswers() {
  std::vector<Answer> answers;
  {
    const std::lock_guard lock(mutex_);
    answers.swap(answers_);
  }
  for (Answer& answer : answers) {
    if (answer.kind == Answer::Kind::kStarted) events_->OnStarted(answer.tag, std::move(answer.status));
    if (answer.kind == Answer::Kind::kSettled) events_->OnSettled(answer.tag, std::move(answer.status));
  }
}

std::optional<Batch> Consumer::TakeBatch() {
  if (!connected_) return std::nullopt;
  const SteadyTime now = clock_.Steady();
  const std::lock_guard lock(mutex_);
  if (now >= look_at_) look_ = true;
  Batch batch;
  std::size_t bytes = 0;
  std::ptrdiff_t count = 0;
  for (const auto& [leased, settlement] : settlements_) {
    bytes += BytesOf(*settlement);
    if (count == kBatchSettlementsMax || (count > 0 && bytes > kBatchBytesMax)) break;
    ++count;
  }
  std::move(settlements_.begin(), settlements_.begin() + count, std::back_inserter(batch.settlements));
  settlements_.erase(settlements_.begin(), settlements_.begin() + count);
  batch.begins.swap(begins_);
  if (look_ && credits_ > 0) {
    batch.wanted = std::min(static_cast<std::int64_t>(credits_), take_max_);
    look_ = false;
  }
  if (now >= keep_at_) {
    keep_at_ = now + settings_.lease / kKeepsPerLease;
    for (const auto& [tag, lease] : leases_) batch.keep.push_back(lease.leased.row);
  }
  const bool check = std::exchange(check_, false);
  const bool nothing = batch.settlements.empty() && batch.begins.empty() && batch.wanted == 0 && batch.keep.empty();
  if (nothing && !check) return std::nullopt;
  batch.owner = owner_;
  batch.queue = settings_.queue;
  batch.queue_id = queue_id_;
  batch.lease_ms = settings_.lease.count();
  return batch;
}

void Consumer::RunOne(const Batch& batch) {
  auto ran = RunBatch(*database_, batch);
  const Status status = ran.ok() ? Ok() : Status(ran.error());
  if (!status.ok() && RefusedAlone(status.error()) && RunInParts(batch, status)) return;
  if (!status.ok() && batch.wanted > 0) take_max_ = std::max<std::int64_t>(1, batch.wanted / 4);
  // What happened may be unknown. Then everything is void: a message that was settled is gone,
  // any other comes again.
  if (!status.ok()) return Lose(status.error().message);
  if (ran->queue_gone) return Lose("queue " + settings_.queue + " was removed");
  Apply(batch, std::move(*ran));
}

// What nobody will take must not take what waits beside it along.
bool Consumer::RunInParts(const Batch& batch, const Status& refused) {
  Batch rest = batch;
  rest.settlements.clear();
  const bool has_rest = !rest.begins.empty() || !rest.keep.empty() || rest.wanted > 0;
  if (batch.settlements.empty()) return false;
  if (batch.settlements.size() == 1 && !has_rest) {
    BatchOutcome outcome;
    outcome.settled.push_back(refused);
    Apply(batch, std::move(outcome));
    return true;
  }
  for (const auto& settlement : batch.settlements) {
    Batch part;
    part.owner = batch.owner;
    part.queue = batch.queue;
    part.queue_id = batch.queue_id;
    part.lease_ms = batch.lease_ms;
    part.settlements.push_back(settlement);
    RunOne(part);
    if (!connected_) return true;
  }
  if (has_rest) RunOne(rest);
  return true;
}

// As many as have about as many bytes as those before, so that they arrive within the time of a transaction.
void Consumer::MeasureTaken(const std::vector<Taken>& taken) {
  std::size_t bytes = 0;
  for (const Taken& one : taken) bytes += one.body.size();
  const std::int64_t fitting =
      bytes == 0 ? kTakenMax : static_cast<std::int64_t>(kBatchBytesMax * taken.size() / bytes);
  take_max_ = std::clamp<std::int64_t>(fitting, 1, std::min(kTakenMax, take_max_ * 2));
}

void Consumer::Apply(const Batch& batch, BatchOutcome outcome) {
  failures_ = 0;  // not before: a database without the function takes connections too
  if (!outcome.taken.empty()) MeasureTaken(outcome.taken);
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < batch.settlements.size(); ++i) {
      const ports::DeliveryTag tag = batch.settlements[i].second->tag;
      const Status& status = outcome.settled[i];
      const bool gone = status.ok() || status.error().code == ErrorCode::kConflict;
      if (gone) leases_.erase(tag);
      if (!gone) leases_.at(tag).settling = false;
      answers_.push_back(Answer{Answer::Kind::kSettled, tag, status});
    }
    for (std::size_t i = 0; i < batch.begins.size(); ++i) {
      answers_.push_back(Answer{Answer::Kind::kStarted, batch.begins[i].tag, outcome.begun[i]});
    }
    credits_ -= std::min(credits_, outcome.taken.size());
    if (outcome.next_ms == 0) look_ = true;
  }
  if (batch.wanted > 0) {
    const auto next =
        outcome.next_ms < 0 ? settings_.poll : std::min(settings_.poll, std::chrono::milliseconds(outcome.next_ms));
    look_at_ = clock_.Steady() + next;
  }
  TellAnswers();
  TellDeliveries(std::move(outcome.taken), false);
}

void Consumer::WaitForWork() {
  const SteadyTime now = clock_.Steady();
  std::unique_lock lock(mutex_);
  const auto woken = [this] {
    const bool work = !settlements_.empty() || !begins_.empty() || (look_ && credits_ > 0) || check_;
    return (connected_ && work) || !answers_.empty() || abandon_ || stopping_ || (!connected_ && look_);
  };
  SteadyTime until = connect_at_;
  if (connected_) {
    until = SteadyTime::max();
    if (!leases_.empty()) until = std::min(until, keep_at_);
    if (credits_ > 0) until = std::min(until, look_at_);
  }
  if (until == SteadyTime::max()) {
    changed_.wait(lock, woken);
  } else if (until > now) {
    changed_.wait_for(lock, until - now, woken);
  }
  // A hint while there is no connection: the queue that was missing may have been made.
  if (!connected_ && look_) {
    look_ = false;
    connect_at_ = now;
  }
}

void Consumer::ReleaseAll() {
  if (!connected_) return;
  connected_ = false;
  // Without it the leases end by themselves.
  static_cast<void>(database_->Write([&](sql::postgres::Transaction& transaction) {
    return Release(transaction, settings_.queue, queue_id_, {owner_});
  }));
}

}  // namespace asya::transports::postgres
