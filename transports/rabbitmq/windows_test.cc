// Windows and Memory: credits become consumers, acks wait for credits, and what was lost is known again.
#include "transports/rabbitmq/windows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/random.h"
#include "transports/rabbitmq/memory.h"

namespace asya::transports::rabbitmq {
namespace {

constexpr SteadyTime kStart{std::chrono::hours(1)};

Windows Open(std::size_t credits, Windows::WindowId& id) {
  Windows windows(0);
  windows.SetCareful(false);
  windows.Grant(credits);
  id = windows.Balance(kStart).opens.at(0).id;
  windows.OnOpened(id, kStart);
  return windows;
}

TEST(Windows, AnAckWaitsForACreditAndThenCoversThePrefix) {
  Windows::WindowId id = 0;
  Windows windows = Open(4, id);
  for (std::uint64_t tag = 1; tag <= 4; ++tag) windows.OnDelivered(id, tag, 0);
  for (const std::uint64_t tag : {1U, 2U, 4U}) windows.Done(tag, false, kStart);
  EXPECT_TRUE(windows.Balance(kStart).acks.empty());
  windows.Grant(3);
  const auto orders = windows.Balance(kStart);
  ASSERT_EQ(orders.acks.size(), 2U);
  EXPECT_EQ(orders.acks[0].tag, 2U);
  EXPECT_TRUE(orders.acks[0].multiple);
  EXPECT_EQ(orders.acks[1].tag, 4U);
  EXPECT_FALSE(orders.acks[1].multiple);
  EXPECT_TRUE(orders.opens.empty());
  EXPECT_EQ(windows.held(), 1U);
  windows.Grant(1);
  windows.Done(3, false, kStart);
  const auto last = windows.Balance(kStart);
  ASSERT_EQ(last.acks.size(), 1U);
  EXPECT_EQ(last.acks[0].tag, 3U);
}

// The connection goes before the nack: the message comes again with all its work to do.
TEST(Windows, WhatIsPutBackIsNotTakenForSettledAfterALoss) {
  Windows::WindowId id = 0;
  Windows windows = Open(2, id);
  windows.OnDelivered(id, 1, 101);
  windows.OnDelivered(id, 2, 102, 4);
  windows.Done(1, true, kStart);
  windows.Done(2, false, kStart);
  const auto unacked = windows.unacked();
  ASSERT_EQ(unacked.size(), 2U);
  EXPECT_FALSE(unacked[0].settled);
  EXPECT_TRUE(unacked[1].settled);
  EXPECT_EQ(unacked[1].next_loss, 4);
}

TEST(Windows, WhatIsPutBackIsNeverCoveredByAnAck) {
  Windows::WindowId id = 0;
  Windows windows = Open(3, id);
  for (std::uint64_t tag = 1; tag <= 3; ++tag) windows.OnDelivered(id, tag, 0);
  windows.Done(1, false, kStart);
  windows.Done(2, true, kStart);
  windows.Done(3, false, kStart);
  windows.Grant(3);
  const auto orders = windows.Balance(kStart);
  ASSERT_EQ(orders.acks.size(), 3U);
  EXPECT_FALSE(orders.acks[0].multiple);
  EXPECT_TRUE(orders.acks[1].requeue);
  EXPECT_FALSE(orders.acks[2].multiple);
}

TEST(Windows, AnAckWithheldForTooLongEndsItsWindowFirst) {
  Windows::WindowId id = 0;
  Windows windows = Open(2, id);
  windows.OnDelivered(id, 1, 0);
  windows.Done(1, false, kStart);
  EXPECT_TRUE(windows.Balance(kStart).acks.empty());
  EXPECT_EQ(windows.deadline(), kStart + kWithheldFor);
  EXPECT_TRUE(windows.Balance(kStart + kWithheldFor).cancels.empty()) << "another one may be on its way";
  const SteadyTime ends = kStart + kWithheldFor + kQuietFor;
  EXPECT_EQ(windows.deadline(), ends);
  const auto orders = windows.Balance(ends);
  EXPECT_EQ(orders.cancels, std::vector<Windows::WindowId>{id});
  ASSERT_EQ(orders.acks.size(), 1U);
  EXPECT_TRUE(orders.opens.empty()) << "the old window may still deliver what the credit allows";
  windows.OnCancelled(id);
  EXPECT_EQ(windows.Balance(ends).opens.at(0).prefetch, 1);
}

TEST(Windows, RevokedCreditsEndWhatMayStillDeliver) {
  Windows::WindowId id = 0;
  Windows windows = Open(2, id);
  windows.Revoke();
  EXPECT_TRUE(windows.Balance(kStart).cancels.empty()) << "what is on its way would be counted as failed";
  EXPECT_EQ(windows.deadline(), kStart + kQuietFor);
  windows.OnDelivered(id, 1, 0);
  EXPECT_TRUE(windows.Balance(kStart + kQuietFor).cancels.empty()) << "one has just come";
  EXPECT_EQ(windows.Balance(kStart + 2 * kQuietFor).cancels, std::vector<Windows::WindowId>{id});
  EXPECT_TRUE(windows.Balance(kStart + 2 * kQuietFor).cancels.empty());
}

// Whoever wants its end may have heard of something that comes with more.
TEST(Windows, AnIdleOneIsNotEndedBeforeItWasQuietSinceItsEndWasWanted) {
  Windows::WindowId id = 0;
  Windows windows = Open(2, id);
  const SteadyTime later = kStart + 10 * kQuietFor;
  EXPECT_TRUE(windows.Balance(later).cancels.empty());
  windows.Revoke();
  EXPECT_TRUE(windows.Balance(later).cancels.empty()) << "it was quiet before, not since";
  EXPECT_EQ(windows.deadline(), later + kQuietFor);
  EXPECT_EQ(windows.Balance(later + kQuietFor).cancels, std::vector<Windows::WindowId>{id});
}

// What waits in the queue comes right behind the confirmation, however late that is.
TEST(Windows, OneThatABusyBrokerConfirmsLateIsNotEndedBeforeItWasQuietSince) {
  Windows windows(0);
  windows.Grant(2);
  const auto id = windows.Balance(kStart).opens.at(0).id;
  windows.Revoke();
  EXPECT_TRUE(windows.Balance(kStart).cancels.empty());
  const SteadyTime late = kStart + 5 * kQuietFor;
  windows.OnOpened(id, late);
  EXPECT_TRUE(windows.Balance(late).cancels.empty());
  EXPECT_EQ(windows.Balance(late + kQuietFor).cancels, std::vector<Windows::WindowId>{id});
}

TEST(Windows, AFullOneIsEndedAtOnce) {
  Windows::WindowId id = 0;
  Windows windows = Open(2, id);
  windows.OnDelivered(id, 1, 0);
  windows.OnDelivered(id, 2, 0);
  windows.SetCareful(true);
  EXPECT_EQ(windows.Balance(kStart).cancels, std::vector<Windows::WindowId>{id});
}

TEST(Windows, AnAckNeverKeepsOneGoingThatIsToEnd) {
  Windows::WindowId id = 0;
  Windows windows = Open(2, id);
  windows.OnDelivered(id, 1, 0);
  windows.SetCareful(true);
  windows.Grant(5);
  EXPECT_TRUE(windows.Balance(kStart).cancels.empty());
  windows.Done(1, false, kStart);
  EXPECT_TRUE(windows.Balance(kStart).acks.empty());
  windows.OnDelivered(id, 2, 0);
  const auto orders = windows.Balance(kStart);
  EXPECT_EQ(orders.cancels, std::vector<Windows::WindowId>{id});
  EXPECT_EQ(orders.acks.size(), 1U);
}

TEST(Windows, NoneIsEndedBeforeItIsOpen) {
  Windows windows(0);
  windows.Grant(2);
  const auto id = windows.Balance(kStart).opens.at(0).id;
  windows.Revoke();
  EXPECT_TRUE(windows.Balance(kStart).cancels.empty());
  windows.OnOpened(id, kStart);
  EXPECT_EQ(windows.Balance(kStart + kQuietFor).cancels, std::vector<Windows::WindowId>{id});
}

TEST(Windows, CarefulMeansOneAtATime) {
  Windows windows(0);
  windows.Grant(10);
  const auto first = windows.Balance(kStart);
  ASSERT_EQ(first.opens.size(), 1U);
  EXPECT_EQ(first.opens[0].prefetch, 1);
  windows.OnOpened(first.opens[0].id, kStart);
  windows.OnDelivered(first.opens[0].id, 1, 0);
  windows.SetCareful(true);
  EXPECT_EQ(windows.Balance(kStart).cancels.size(), 1U);
  windows.OnCancelled(first.opens[0].id);
  EXPECT_TRUE(windows.Balance(kStart).opens.empty());
  windows.Done(1, false, kStart);
  const auto next = windows.Balance(kStart);
  ASSERT_EQ(next.opens.size(), 1U);
  EXPECT_EQ(next.opens[0].prefetch, 1);
  windows.OnDelivered(next.opens[0].id, 2, 0);
  windows.SetCareful(false);
  EXPECT_EQ(windows.Balance(kStart).opens.at(0).prefetch, 8);
}

TEST(Windows, HeldMaxBoundsWhatIsAskedFor) {
  Windows windows(3);
  windows.SetCareful(false);
  windows.Grant(10);
  EXPECT_EQ(windows.Balance(kStart).opens.at(0).prefetch, 3);
}

// A broker that sends what the windows allow, and a relay, in any order of events.
class ToyBroker {
 public:
  explicit ToyBroker(std::uint64_t seed) : random_(seed) { windows_.SetCareful(false); }

  void Step() {
    now_ += std::chrono::milliseconds(random_.Between(0, 10));
    const auto what = random_.Between(0, 99);
    if (what < 20) {
      const auto count = random_.Between(1, 8);
      granted_ += count;
      windows_.Grant(static_cast<std::size_t>(count));
    } else if (what == 20) {
      granted_ = 0;
      revoked_ = true;  // what is under way may still come
      windows_.Revoke();
    } else if (what < 60) {
      Deliver();
    } else if (!leased_.empty()) {
      Finish(static_cast<std::size_t>(random_.Between(0, static_cast<std::int64_t>(leased_.size()) - 1)));
    }
    Obey();
  }
  void FinishAll() {
    while (!leased_.empty()) Finish(0);
    for (int i = 0; i < 100; ++i) {
      now_ += kWithheldFor;
      Obey();
    }
  }
  [[nodiscard]] std::size_t unacked() const { return unacked_.size(); }
  [[nodiscard]] std::size_t held() const { return windows_.held(); }

 private:
  void Deliver() {
    for (auto& [id, count] : consumers_) {
      if (count == 0) continue;
      --count;
      granted_ = std::max<std::int64_t>(0, granted_ - 1);
      ++tag_;
      windows_.OnDelivered(id, tag_, tag_);
      unacked_[tag_] = {id, false};
      leased_.push_back(tag_);
      return;
    }
  }
  void Finish(std::size_t at) {
    unacked_.at(leased_[at]).second = true;
    windows_.Done(leased_[at], false, now_);
    leased_.erase(leased_.begin() + static_cast<std::ptrdiff_t>(at));
  }
  void Obey() {
    const auto orders = windows_.Balance(now_);
    for (const auto id : orders.cancels) {
      ASSERT_EQ(std::count(opening_.begin(), opening_.end(), id), 0) << "ended before it was open";
      consumers_.erase(id);
    }
    for (const auto& ack : orders.acks) Acknowledge(ack);
    for (const auto id : opening_) windows_.OnOpened(id, now_);
    opening_.clear();
    for (const auto& open : orders.opens) {
      consumers_[open.id] = open.prefetch;
      opening_.push_back(open.id);
    }
    for (const auto id : orders.cancels) windows_.OnCancelled(id);
    std::int64_t may_come = 0;
    for (const auto& [id, count] : consumers_) may_come += count;
    if (may_come <= granted_) revoked_ = false;
    ASSERT_TRUE(revoked_ || may_come <= granted_);
  }
  void Acknowledge(const Windows::AckOrder& ack) {
    for (auto entry = unacked_.begin(); entry != unacked_.end() && entry->first <= ack.tag;) {
      if (!ack.multiple && entry->first != ack.tag) {
        ++entry;
        continue;
      }
      ASSERT_TRUE(entry->second.second) << "acknowledged before it was done: " << entry->first;
      const auto consumer = consumers_.find(entry->second.first);
      if (consumer != consumers_.end()) ++consumer->second;
      entry = unacked_.erase(entry);
    }
  }

  Random random_;
  Windows windows_{0};
  std::map<Windows::WindowId, std::int64_t> consumers_;  // what each may still get
  std::map<std::uint64_t, std::pair<Windows::WindowId, bool>> unacked_;
  std::vector<std::uint64_t> leased_;
  std::vector<Windows::WindowId> opening_;  // not confirmed yet
  std::int64_t granted_ = 0;
  bool revoked_ = false;
  std::uint64_t tag_ = 0;
  SteadyTime now_ = kStart;
};

TEST(Windows, NeverMoreThanGrantedAndEveryMessageAcknowledgedWhateverHappens) {
  constexpr std::uint64_t kSeeds = 200;
  constexpr int kSteps = 400;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    ToyBroker broker(seed);
    for (int step = 0; step < kSteps; ++step) broker.Step();
    broker.FinishAll();
    EXPECT_EQ(broker.unacked(), 0U);
    EXPECT_EQ(broker.held(), 0U);
  }
}

TEST(Memory, WhatWasLeasedHereIsNotDoneAndWhatWasSettledIs) {
  Memory memory;
  const auto leased = Memory::PrintOf("id-1", "body");
  const auto settled = Memory::PrintOf("id-2", "body");
  EXPECT_NE(leased, settled);
  memory.Settled(settled);
  memory.LostLease(leased);
  memory.Lost(kStart);
  EXPECT_EQ(memory.Recall(leased, kStart), Memory::Recalled::kLeased);
  EXPECT_EQ(memory.Recall(leased, kStart), Memory::Recalled::kUnknown) << "each is known once";
  EXPECT_EQ(memory.Recall(settled, kStart), Memory::Recalled::kSettled);
  EXPECT_EQ(memory.Recall(Memory::PrintOf("id-3", "other"), kStart), Memory::Recalled::kUnknown);
}

TEST(Memory, OfTwoEqualMessagesTheOneWithWorkLeftComesFirst) {
  Memory memory;
  memory.Settled(7);
  memory.LostLease(7);
  memory.Lost(kStart);
  EXPECT_EQ(memory.Recall(7, kStart), Memory::Recalled::kLeased);
  EXPECT_EQ(memory.Recall(7, kStart), Memory::Recalled::kSettled);
}

}  // namespace
}  // namespace asya::transports::rabbitmq
