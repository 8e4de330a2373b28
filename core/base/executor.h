// Executor: a fixed pool of threads behind a bounded queue of tasks. The thread that went to sleep last is woken first,
// so that a light load keeps few of them, and their caches, warm.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace asya {

class Executor {
 public:
  // `queue_limit`: tasks that may wait; a submission over it is refused, so that the caller can answer "too many".
  Executor(std::size_t threads, std::size_t queue_limit);
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  void Start();
  // Refuses new tasks, finishes those waiting, joins. Idempotent.
  void Stop();
  // False when the queue is full or the executor is not running.
  [[nodiscard]] bool Submit(std::function<void()> task);
  [[nodiscard]] std::size_t Waiting() const;

 private:
  // One of the threads while it has nothing to do.
  struct Sleeper {
    std::condition_variable woken;
    bool called = false;
  };

  void Work(Sleeper& self);
  // The thread to notify, outside of the lock, if one more should come; under the lock.
  Sleeper* CallOne();

  const std::size_t thread_count_;
  const std::size_t queue_limit_;
  mutable std::mutex mutex_;
  std::deque<std::function<void()>> tasks_;
  std::deque<Sleeper> sleepers_;  // one of each thread
  std::vector<Sleeper*> asleep_;  // and not called; who went last is at the end
  bool coming_ = false;           // a thread was called and is not here yet
  std::vector<std::thread> threads_;
  bool running_ = false;
};

}  // namespace asya
