#include "core/base/executor.h"

#include <utility>

namespace asya {

Executor::Executor(std::size_t threads, std::size_t queue_limit) : thread_count_(threads), queue_limit_(queue_limit) {}

Executor::~Executor() { Stop(); }

void Executor::Start() {
  const std::lock_guard lock(mutex_);
  if (running_) return;
  running_ = true;
  for (std::size_t i = 0; i < thread_count_; ++i) {
    threads_.emplace_back([this, &self = sleepers_.emplace_back()] { Work(self); });
  }
}

void Executor::Stop() {
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    running_ = false;
    threads.swap(threads_);
    for (Sleeper* const sleeper : asleep_) {
      sleeper->called = true;
      sleeper->woken.notify_one();
    }
    asleep_.clear();
  }
  for (std::thread& thread : threads) thread.join();
}

bool Executor::Submit(std::function<void()> task) {
  Sleeper* called = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (!running_ || tasks_.size() >= queue_limit_) return false;
    tasks_.push_back(std::move(task));
    called = CallOne();
  }
  if (called != nullptr) called->woken.notify_one();
  return true;
}

std::size_t Executor::Waiting() const {
  const std::lock_guard lock(mutex_);
  return tasks_.size();
}

Executor::Sleeper* Executor::CallOne() {
  // Who comes calls the next one if there is work for it: short tasks are often done before a second thread is awake.
  if (coming_ || asleep_.empty()) return nullptr;
  Sleeper* const last = asleep_.back();
  asleep_.pop_back();
  last->called = true;
  coming_ = true;
  return last;
}

void Executor::Work(Sleeper& self) {
  for (;;) {
    std::function<void()> task;
    Sleeper* called = nullptr;
    {
      std::unique_lock lock(mutex_);
      while (tasks_.empty()) {
        if (!running_) return;
        self.called = false;
        asleep_.push_back(&self);
        self.woken.wait(lock, [&self] { return self.called; });
        coming_ = false;
      }
      task = std::move(tasks_.front());
      tasks_.pop_front();
      if (!tasks_.empty()) called = CallOne();
    }
    if (called != nullptr) called->woken.notify_one();
    task();
  }
}

}  // namespace asya
