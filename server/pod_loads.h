// PodLoads: writes to the cluster which pods have work, as relays tell it: the last word of each pod, one write after
// the other.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "core/base/periodic.h"
#include "core/base/result.h"
#include "core/observe/log.h"
#include "core/observe/metrics.h"

namespace asya::server {

class PodLoads {
 public:
  static constexpr std::size_t kPodsMax = 20'000;                // that wait for their write; more are left out
  static constexpr std::chrono::milliseconds kWriteGap{50};      // between two writes of this server
  static constexpr std::chrono::milliseconds kAwayPause{5'000};  // while the cluster does not answer
  static constexpr int kTriesMax = 5;                            // of one word; a pod that works tells it anew

  // Whether anything had to be written. Blocks.
  using Write =
      std::function<Result<bool>(const std::string& namespace_, const std::string& pod, std::int64_t in_flight)>;
  // `metrics` lives longer.
  PodLoads(Write write, observe::Logger logger, observe::Metrics& metrics);
  ~PodLoads() { Stop(); }
  PodLoads(const PodLoads&) = delete;
  PodLoads& operator=(const PodLoads&) = delete;

  void Start() { writes_.Start({{}, kAwayPause}); }
  // Waits for a write under way. Idempotent.
  void Stop() { writes_.Stop(); }
  // Replaces what waits of the same pod. Any thread; does not block.
  void Take(const std::string& namespace_, const std::string& pod, std::int64_t in_flight);
  // Up to the next write; how long to wait after it. Start's thread calls this; tests may instead.
  Periodic::Pause WriteNext();

 private:
  using Key = std::pair<std::string, std::string>;  // namespace, pod
  struct Word {
    std::int64_t in_flight = 0;
    int tries = 0;
  };

  Periodic::Pause Failed(const Key& key, Word word, const Error& error);

  const Write write_;
  const observe::Logger logger_;
  const observe::Counter written_;
  const observe::Counter failed_;
  const observe::Counter dropped_;
  std::mutex mutex_;
  std::map<Key, Word> words_;
  std::deque<Key> order_;  // each of words_ once
  Periodic writes_;
};

}  // namespace asya::server
