// Broadcaster: feeds every watch of one store, in order and exactly once, from recent events and the log behind them.
// log behind it.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "ports/object_store.h"

namespace asya::storage {

struct BroadcasterSettings {
  // The tail that live watches are fed from. A watch that falls behind it is too slow and is closed with kExpired.
  std::size_t tail_events = 4096;
  std::size_t tail_bytes = 16U << 20U;
  std::size_t delivery_threads = 2;  // a sink that blocks against its contract holds one of them, not the store
  // In one call of a sink, and in one read of the log; the last event may go beyond the bytes.
  std::size_t batch_events = 256;
  std::size_t batch_bytes = 1U << 20U;
  // A watch that saw nothing of its own gets a bookmark at most this often, and only when the log has grown.
  std::chrono::milliseconds bookmark_interval{1000};
};

struct BatchLimits {
  std::size_t events;
  std::size_t bytes;
};

// What lies in the log after a revision.
struct LogPage {
  std::vector<ports::Event> events;  // those that match the query, in order
  ports::Revision upto;              // everything that matches, up to here, is in `events`
  std::size_t bytes = 0;             // of the events

  // Adds the next event. False when the limits are reached by it: it is then the last, and `upto` its revision.
  bool Add(ports::Event event, const BatchLimits& limits);
};

class Broadcaster {
 public:
  // Reads the events after `from`, up to the limits. kExpired when `from` is compacted. Blocking, called on a delivery
  // thread.
  using ReadLog =
      std::function<Result<LogPage>(const ports::WatchQuery& query, ports::Revision from, const BatchLimits& limits)>;

  Broadcaster(const BroadcasterSettings& settings, const Clock& clock, ReadLog read_log);
  ~Broadcaster();
  Broadcaster(const Broadcaster&) = delete;
  Broadcaster& operator=(const Broadcaster&) = delete;

  // `head`: the revision of the last event that is in the log already.
  void Start(ports::Revision head);
  // Closes all watches with kUnavailable and joins. Idempotent.
  void Stop();
  // The next event of the log; revisions at or below the head are ignored. Never blocks on a sink.
  void Append(ports::Event event);
  // The log is known up to `head` again, but what lies between was missed: live watches get kExpired.
  void Lapse(ports::Revision head);
  [[nodiscard]] ports::Revision Head() const;
  // The caller has checked that `from` is not compacted. No call of the sink comes after the returned object is
  // destroyed.
  [[nodiscard]] Result<std::shared_ptr<void>> Watch(const ports::WatchQuery& query, ports::Revision from,
                                                    std::shared_ptr<ports::WatchSink> sink);

 private:
  class State;
  std::shared_ptr<State> state_;  // shared with the handles of watches, which may outlive this
};

}  // namespace asya::storage
