// QueueIndex: which actor has which queue, kept by a watch of the store; for a server that runs no reconcilers.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "apiserver/unique_queue.h"
#include "core/observe/log.h"
#include "ports/object_store.h"
#include "reconcilers/actor_index.h"
#include "reconcilers/object_watch.h"

namespace asya::server {

class QueueIndex {
 public:
  static constexpr std::chrono::seconds kRetryPause{1};

  QueueIndex(ports::ObjectStore& store, observe::Logger logger);
  ~QueueIndex();
  QueueIndex(const QueueIndex&) = delete;
  QueueIndex& operator=(const QueueIndex&) = delete;

  // Returns when all actors are known, or fails; a watch that breaks later is opened again for as long as it takes.
  Status Start();
  // Idempotent.
  void Stop();
  // May lag behind the store for a moment.
  [[nodiscard]] std::optional<apiserver::QueueOwner> Find(const std::string& queue) const;

 private:
  void Put(const ports::Record& record);
  void Run();

  const observe::Logger logger_;
  reconcilers::ActorIndex index_;
  reconcilers::ObjectWatch watch_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool running_ = false;
  bool broken_ = false;
  std::thread thread_;
};

}  // namespace asya::server
