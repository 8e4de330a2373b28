// WorkQueue: keys that wait to be reconciled; each at most once in it, and never one key in two hands.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "core/base/clock.h"
#include "core/base/random.h"
#include "reconcilers/work_queue_metrics.h"

namespace asya::reconcilers {

// What is to be reconciled: only its name, so that nothing acts on the content of an event.
struct Key {
  std::string namespace_;  // empty for cluster-scoped kinds
  std::string name;
  friend auto operator<=>(const Key&, const Key&) = default;
};

struct WorkQueueSettings {
  std::chrono::milliseconds first_retry{50};  // doubles with each failure in a row of a key
  std::chrono::milliseconds longest_retry{30000};
  std::size_t keys_limit = 200'000;  // keys over it are refused; the periodic resync finds them again
};

// Thread safe.
class WorkQueue {
 public:
  WorkQueue(const Clock& clock, Random& random, const WorkQueueSettings& settings = {}, WorkQueueMetrics metrics = {});

  // A key that is in hand comes again when it is Done. False when the queue is full.
  bool Add(const Key& key);
  // Later; where the key waits already, the earlier time counts.
  bool AddAfter(const Key& key, std::chrono::microseconds delay);
  // AddAfter a pause that grows with each Retry since the last Forget, drawn from [0.5, 1] of it.
  bool Retry(const Key& key);
  void Forget(const Key& key);

  // The next key, which then is in hand until Done. Blocks; nullopt after Stop.
  std::optional<Key> Take();
  // The same without blocking: nullopt when none is due.
  std::optional<Key> TryTake();
  void Done(const Key& key);
  // When the next key that waits for its time is due.
  [[nodiscard]] std::optional<SteadyTime> NextAt() const;
  [[nodiscard]] std::size_t Size() const;
  void Stop();

 private:
  bool AddLocked(const Key& key);
  std::optional<Key> TakeLocked();
  void MoveDue();

  const Clock& clock_;
  Random& random_;
  const WorkQueueSettings settings_;
  const WorkQueueMetrics metrics_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Key> ready_;
  std::map<Key, SteadyTime> waiting_;  // in ready_, or to come again once Done; since when
  std::set<Key> in_hand_;
  std::map<Key, SteadyTime> delayed_;
  std::set<std::pair<SteadyTime, Key>> by_time_;
  std::map<Key, int> failures_;
  bool stopped_ = false;
};

}  // namespace asya::reconcilers
