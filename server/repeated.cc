#include "server/repeated.h"

#include <utility>

namespace asya::server {

Repeated::Repeated(std::chrono::milliseconds period, std::function<Status()> work,
                   std::function<void(const Error&)> on_trouble)
    : period_(period), work_(std::move(work)), on_trouble_(std::move(on_trouble)) {}

Repeated::~Repeated() { Stop(); }

void Repeated::Start() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(running_, true)) return;
  thread_ = std::thread([this] { Run(); });
}

void Repeated::Stop() {
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(running_, false)) return;
  }
  stopped_.notify_all();
  thread_.join();
}

void Repeated::Run() {
  std::unique_lock lock(mutex_);
  while (running_) {
    lock.unlock();
    const Status done = work_();
    const std::string trouble = done.ok() ? "" : done.error().message;
    if (std::exchange(trouble_, trouble) != trouble && !done.ok()) on_trouble_(done.error());
    lock.lock();
    stopped_.wait_for(lock, period_, [this] { return !running_; });
  }
}

}  // namespace asya::server
