// Depths: how many messages each queue holds, by what everybody says to have put in and taken out.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "ports/queue_admin.h"
#include "transports/pubsub/report.h"

namespace asya::transports::pubsub {

constexpr std::chrono::seconds kSilentFor{12};    // then a process is taken to be gone with its leases
constexpr std::chrono::seconds kIdleEnough{10};   // consumers that find nothing for so long show that nothing is there
constexpr std::chrono::seconds kLateFor{5};       // what was taken out may be told so much before what was put in
constexpr std::size_t kReportsRemembered = 4096;  // of which a second copy is known as one

// Thread safe. Counts drift when a process dies before it told, and are set right by what is seen: see Take and Found.
class Depths {
 public:
  explicit Depths(const Clock& clock) : clock_(clock) {}

  void Add(const std::string& queue);
  void Remove(const std::string& queue);
  // Told by ourselves.
  void Arrived(const std::string& queue, std::int64_t count);
  // A report that comes twice counts once. The queues that have work now that they had not before: what came, and
  // what somebody let go.
  std::set<std::string> Take(const Report& report);
  // Somebody looked and saw a message: there is one at least.
  void Found(const std::string& queue);

  [[nodiscard]] ports::QueueStats Stats(const std::string& queue) const;
  // All messages, also those leased and delayed.
  [[nodiscard]] std::int64_t Messages(const std::string& queue) const;
  // Queues that seem to be empty and that no consumer looks at: those of which only a look can tell.
  [[nodiscard]] std::vector<std::string> Unwatched() const;
  // The queues with retries that became due since this was last called; when to call it next.
  std::set<std::string> TakeDue();
  [[nodiscard]] std::optional<WallTime> NextDue() const;

 private:
  struct Watcher {
    std::int64_t number = 0;  // of its last report; an earlier one that comes later says nothing new
    bool ended = false;
    std::int64_t leased = 0;
    std::int64_t idle_ms = 0;
    SteadyTime heard_at{};
  };
  struct Queue {
    std::int64_t arrived = 0;
    std::int64_t settled = 0;
    std::int64_t drift = 0;  // to be added to arrived - settled
    SteadyTime arrived_at{};
    SteadyTime changed_at{};
    std::multiset<WallTime> due;  // until TakeDue; bounded by kDueTimesMax
    std::map<std::string, Watcher> watchers;

    [[nodiscard]] std::int64_t messages() const { return arrived - settled + drift; }
    [[nodiscard]] std::int64_t delayed(WallTime now) const { return std::distance(due.upper_bound(now), due.end()); }
  };
  std::map<std::string, std::int64_t> VisibleOf(const Report& report) const;
  void Correct(Queue& queue) const;
  [[nodiscard]] ports::QueueStats StatsOf(const Queue& queue) const;

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::string, Queue> queues_;
  std::deque<std::string> seen_order_;
  std::set<std::string> seen_;
};

}  // namespace asya::transports::pubsub
