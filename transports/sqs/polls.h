// Polls: when to ask SQS for messages and for how many: never more than was granted, as few calls as may be.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <map>
#include <optional>

#include "core/base/clock.h"
#include "transports/sqs/calls.h"
#include "transports/sqs/requests.h"

namespace asya::transports::sqs {

constexpr std::size_t kPollsMax = 4;  // under way at once, while each of them comes back full
// How long a few credits wait for more, while there is work: about as long as SQS takes to answer twice.
constexpr std::chrono::milliseconds kGatherLeast{20};
constexpr std::chrono::milliseconds kGatherMost{100};
constexpr std::chrono::milliseconds kPollPauseFirst{100};  // after a poll that failed; doubles
constexpr std::chrono::milliseconds kPollPauseMost{5000};

class Polls {
 public:
  void Grant(std::size_t count, SteadyTime now) {
    if (credits_ == 0) since_ = now;
    credits_ += count;
  }
  // Those under way may still bring something, which then is not wanted.
  void Revoke() {
    credits_ = 0;
    for (auto& [id, poll] : under_way_) poll.wanted = 0;
  }
  // One message at a time, alone: somebody may have died of the next one.
  void SetCareful(bool careful) { careful_ = careful; }
  [[nodiscard]] bool careful() const { return careful_; }

  // How many messages to ask for now; 0: not now. `leases`: held at present.
  std::size_t Next(std::size_t leases, SteadyTime now) {
    Adopt();
    if (credits_ == 0 || now < pause_until_) return 0;
    if (careful_) return leases == 0 && under_way_.empty() ? 1 : 0;
    if (under_way_.size() >= width_) return 0;
    const std::size_t count = std::min(credits_, kBatchEntriesMax);
    const bool gathers = count < kBatchEntriesMax && (leases > 0 || !under_way_.empty());
    return gathers && now < since_ + gather_for_ ? 0 : count;
  }
  // When Next may answer otherwise if nothing happens.
  [[nodiscard]] SteadyTime deadline(SteadyTime now) const {
    if (credits_ == 0) return SteadyTime::max();
    if (now < pause_until_) return pause_until_;
    return now < since_ + gather_for_ ? since_ + gather_for_ : SteadyTime::max();
  }
  void Began(Calls::Id id, std::size_t asked, SteadyTime now) {
    credits_ -= asked;
    under_way_[id] = {asked, asked, now};
  }
  // How many of what it brought are wanted; the rest of what was asked for is credit again.
  std::size_t Ended(Calls::Id id, std::size_t received, SteadyTime now) {
    const Poll poll = under_way_.at(id);
    under_way_.erase(id);
    const std::size_t used = std::min(received, poll.wanted);
    if (poll.wanted > used) Grant(poll.wanted - used, now);
    failures_ = 0;
    if (received == 0) width_ = 1;
    if (received == poll.asked) {
      width_ = std::min(width_ + 1, kPollsMax);
      // It did not wait for messages.
      gather_for_ = std::clamp<SteadyTime::duration>(2 * (now - poll.began), kGatherLeast, kGatherMost);
    }
    return used;
  }
  // After a failure the next waits a while.
  void Failed(Calls::Id id, SteadyTime now, double jitter) {
    const Poll poll = under_way_.at(id);
    under_way_.erase(id);
    Grant(poll.wanted, now);
    constexpr int kDoublingsMax = 10;
    const auto longest = std::min(kPollPauseMost, kPollPauseFirst * (1 << std::min(failures_, kDoublingsMax)));
    ++failures_;
    width_ = 1;
    pause_until_ = now + std::chrono::duration_cast<SteadyTime::duration>(longest * (0.5 + jitter));
  }
  void Clear() { *this = Polls(); }
  [[nodiscard]] bool empty() const { return under_way_.empty(); }

 private:
  struct Poll {
    std::size_t asked = 0;
    std::size_t wanted = 0;
    SteadyTime began{};
  };
  // Credits given after a revocation serve what is under way first.
  void Adopt() {
    for (auto& [id, poll] : under_way_) {
      const std::size_t more = std::min(credits_, poll.asked - poll.wanted);
      poll.wanted += more;
      credits_ -= more;
    }
  }

  std::size_t credits_ = 0;
  SteadyTime since_{};  // of the oldest of them
  std::map<Calls::Id, Poll> under_way_;
  std::size_t width_ = 1;
  bool careful_ = true;
  int failures_ = 0;
  SteadyTime pause_until_{};
  SteadyTime::duration gather_for_ = kGatherLeast;
};

}  // namespace asya::transports::sqs
