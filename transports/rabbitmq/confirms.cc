#include "transports/rabbitmq/confirms.h"

namespace asya::transports::rabbitmq {

std::uint64_t Confirms::Add(std::uint64_t owner, std::size_t bytes, SteadyTime now) {
  ring_.push_back(Entry{owner, bytes, now, false, false});
  ++open_;
  bytes_ += bytes;
  return first_ + ring_.size() - 1;
}

bool Confirms::Returned(std::uint64_t tag) {
  const bool waits = tag >= first_ && tag - first_ < ring_.size() && !ring_[tag - first_].settled;
  if (waits) ring_[tag - first_].returned = true;
  return waits;
}

void Confirms::SettleOne(std::uint64_t tag, bool taken, const Done& done) {
  Entry& entry = ring_[tag - first_];
  if (entry.settled) return;
  entry.settled = true;
  --open_;
  bytes_ -= entry.bytes;
  done(tag, entry.owner, !taken ? Outcome::kRefused : entry.returned ? Outcome::kReturned : Outcome::kTaken);
}

bool Confirms::Settle(std::uint64_t tag, bool multiple, bool taken, const Done& done) {
  const std::uint64_t end = first_ + ring_.size();
  if (tag >= end || (tag == 0 && !multiple)) return false;
  // Tag 0 with multiple: all there are.
  const std::uint64_t last = tag == 0 ? end - 1 : tag;
  for (std::uint64_t each = multiple ? first_ : last; each <= last && each >= first_; ++each) {
    SettleOne(each, taken, done);
  }
  while (!ring_.empty() && ring_.front().settled) {
    ring_.pop_front();
    ++first_;
  }
  return true;
}

SteadyTime Confirms::oldest() const { return ring_.empty() ? SteadyTime::max() : ring_.front().sent_at; }

}  // namespace asya::transports::rabbitmq
