#include "core/base/periodic.h"

#include <algorithm>
#include <utility>

namespace asya {

Periodic::Periodic(Run run) : run_(std::move(run)) {}

Periodic::~Periodic() { Stop(); }

void Periodic::Start(Pause first) {
  const std::lock_guard lock(mutex_);
  if (std::exchange(running_, true)) return;
  stopping_ = false;
  thread_ = std::thread([this, first] { Work(first); });
}

void Periodic::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (!std::exchange(running_, false)) return;
  }
  changed_.notify_all();
  thread_.join();
}

void Periodic::Ask() {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(asked_, true)) changed_.notify_all();
}

bool Periodic::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void Periodic::Work(Pause pause) {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait_for(lock, pause.least, [this] { return stopping_; });
    changed_.wait_for(lock, std::max(pause.most, pause.least) - pause.least, [this] { return stopping_ || asked_; });
    if (stopping_) return;
    asked_ = false;
    lock.unlock();
    pause = run_();
    lock.lock();
  }
}

}  // namespace asya
