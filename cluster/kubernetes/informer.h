// Informer: keeps a cache of one kind's objects by a list and a watch of them, on a thread of its own.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "cluster/kubernetes/child_kinds.h"
#include "cluster/kubernetes/client.h"
#include "cluster/kubernetes/informer_metrics.h"
#include "cluster/kubernetes/object_cache.h"
#include "core/base/random.h"
#include "core/observe/log.h"

namespace asya::cluster::kubernetes {

class Informer {
 public:
  // Of a list; fewer where an answer of so many is too large. Objects have 1.5 MiB at most (etcd's limit of a request).
  static constexpr std::size_t kPageObjects = 500;
  static constexpr std::size_t kPageObjectsLeast = 8;
  // Bookmarks come about once a minute, so a watch that is silent for longer is broken.
  static constexpr std::chrono::seconds kSilenceMax{100};
  static constexpr std::chrono::seconds kWatchLength{300};
  // One that ends sooner without a word is not to be opened again at once.
  static constexpr std::chrono::seconds kWatchMin{1};
  static constexpr std::chrono::seconds kListDeadline{30};
  static constexpr std::chrono::milliseconds kRetryMin{200};
  static constexpr std::chrono::milliseconds kRetryMax{30'000};

  struct Parts {
    Client& client;
    ObjectCache& cache;
    const Clock& clock;
    Random& random;
    const observe::Logger& log;
    observe::Metrics* metrics = nullptr;
  };
  // `selector`: of labels, as it stands in a query. `on_change`: the owners of what changed, on the informer's thread.
  Informer(Kind kind, std::string selector, const Parts& parts,
           std::function<void(const std::set<std::string>& owners)> on_change);
  ~Informer();
  Informer(const Informer&) = delete;
  Informer& operator=(const Informer&) = delete;

  void Start();
  // Ends a call under way within about a second. Idempotent.
  void Stop();
  // kUnavailable until the first list has come, with what it failed of. An optional kind that the cluster does not
  // serve is no failure: there are no objects of it.
  [[nodiscard]] Status Ready() const;
  [[nodiscard]] const Kind& kind() const { return kind_; }

 private:
  void Run();
  Status ListAndWatch();
  Result<std::uint64_t> List();
  // A page of the list; empty: the first one.
  Result<json::Value> PageAfter(const std::string& next);
  // For certain: where the cluster does not say so, it is not.
  bool IsMissing();
  // From `version` on, which it moves. kExpired: list again.
  Status Watch(std::uint64_t& version);
  Status Take(std::string_view line, std::uint64_t& version);
  void Tell(const std::set<std::string>& owners);
  void SetState(Status state);
  // The watch has said something.
  void Heard() { metrics_.Heard(clock_.Now(), cache_.CountOf(kind_.name)); }
  // False when it is to stop.
  bool Wait(std::chrono::milliseconds pause);

  const Kind kind_;
  const std::string selector_;
  Client& client_;
  ObjectCache& cache_;
  const Clock& clock_;
  Random& random_;
  const observe::Logger log_;
  const InformerMetrics metrics_;
  const std::function<void(const std::set<std::string>&)> on_change_;
  std::size_t page_objects_ = kPageObjects;  // of the thread
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Status state_;
  bool listed_ = false;
  std::thread thread_;
};

}  // namespace asya::cluster::kubernetes
