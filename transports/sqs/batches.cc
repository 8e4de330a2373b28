#include "transports/sqs/batches.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace asya::transports::sqs {
namespace {

// One entry may be to blame for the refusal of all.
bool MayBeOneOf(const Error& error) {
  return error.code == ErrorCode::kInvalid || error.code == ErrorCode::kTooLarge;
}

}  // namespace

Batches::Batches(BatchSettings settings, Calls& calls, const Clock& clock)
    : settings_(std::move(settings)), calls_(calls), clock_(clock) {}

void Batches::Add(std::string entry, std::size_t bytes, Done done) {
  waiting_.push_back({std::move(entry), bytes, std::move(done), clock_.Steady(), 0});
  waiting_bytes_ += bytes;
}

bool Batches::IsFull() const { return waiting_.size() >= kBatchEntriesMax || waiting_bytes_ >= settings_.bytes_max; }

void Batches::Turn(bool hurry) {
  const SteadyTime now = clock_.Steady();
  while (!later_.empty() && later_.begin()->first <= now) {
    waiting_bytes_ += later_.begin()->second.bytes;
    waiting_.push_back(std::move(later_.begin()->second));
    later_.erase(later_.begin());
  }
  while (!waiting_.empty() && under_way_.size() < kBatchCallsMax) {
    if (!hurry && !IsFull() && now < waiting_.front().since + Linger()) return;
    Send(TakeBatch());
  }
}

SteadyTime Batches::deadline() const {
  SteadyTime earliest = later_.empty() ? SteadyTime::max() : later_.begin()->first;
  // With all calls under way their answers come first.
  if (!waiting_.empty() && under_way_.size() < kBatchCallsMax) {
    earliest = std::min(earliest, waiting_.front().since + Linger());
  }
  return earliest;
}

SteadyTime::duration Batches::Linger() const {
  if (settings_.linger.count() == 0) return settings_.linger;
  return std::max<SteadyTime::duration>(settings_.linger, std::min<SteadyTime::duration>(took_ / 2, kLingerMost));
}

Batches::Entries Batches::TakeBatch() {
  Entries batch;
  std::size_t bytes = 0;
  while (!waiting_.empty() && batch.size() < kBatchEntriesMax) {
    const bool alone = waiting_.front().alone || (!batch.empty() && batch.front().alone);
    if (!batch.empty() && (alone || bytes + waiting_.front().bytes > settings_.bytes_max)) break;
    bytes += waiting_.front().bytes;
    batch.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  waiting_bytes_ -= bytes;
  return batch;
}

void Batches::Send(Entries entries) {
  std::vector<std::string> texts;
  texts.reserve(entries.size());
  for (Entry& entry : entries) {
    ++entry.attempt;
    texts.push_back(entry.text);
  }
  CallPolicy policy;
  policy.keeps_leases = settings_.keeps_leases;
  const auto id = std::make_shared<Calls::Id>(0);
  *id = calls_.Begin(settings_.action, BatchRequest(settings_.url, texts), policy,
                     [this, id](const Result<std::string>& answer) {
                       Sent sent = std::move(under_way_.at(*id));
                       under_way_.erase(*id);
                       took_ = clock_.Steady() - sent.began;
                       Answered(std::move(sent.entries), answer);
                     });
  under_way_[*id] = {std::move(entries), clock_.Steady()};
}

void Batches::Answered(Entries entries, const Result<std::string>& answer) {
  if (!answer.ok() && entries.size() > 1 && MayBeOneOf(answer.error())) return SendEachAlone(std::move(entries));
  if (!answer.ok()) {
    for (const Entry& entry : entries) entry.done(answer.error());
    return;
  }
  const auto outcomes = ReadBatch(*answer, entries.size());
  const SteadyTime now = clock_.Steady();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    Entry& entry = entries[i];
    const EntryOutcome outcome = outcomes.ok() ? (*outcomes)[i] : EntryOutcome{outcomes.error(), true};
    if (outcome.again && entry.attempt < kEntryAttempts) {
      const auto pause = kEntryPause * (1 << (entry.attempt - 1));
      later_.emplace(now + pause, std::move(entry));
    } else {
      entry.done(outcome.status);
    }
  }
}

void Batches::SendEachAlone(Entries entries) {
  for (Entry& entry : entries) {
    entry.alone = true;
    waiting_bytes_ += entry.bytes;
  }
  waiting_.insert(waiting_.begin(), std::make_move_iterator(entries.begin()), std::make_move_iterator(entries.end()));
}

void Batches::Fail(const Error& error) {
  std::vector<Entry> failed;
  for (auto& [id, sent] : std::exchange(under_way_, {})) {
    calls_.Cancel(id);
    std::move(sent.entries.begin(), sent.entries.end(), std::back_inserter(failed));
  }
  std::move(waiting_.begin(), waiting_.end(), std::back_inserter(failed));
  waiting_.clear();
  waiting_bytes_ = 0;
  for (auto& [due, entry] : std::exchange(later_, {})) failed.push_back(std::move(entry));
  for (const Entry& entry : failed) entry.done(error);
}

}  // namespace asya::transports::sqs
