#include "core/http/stream_buffer.h"

#include <utility>

namespace asya::http {

StreamBuffer::StreamBuffer(std::size_t limit_bytes, std::function<void()> wake)
    : limit_bytes_(limit_bytes), wake_(std::move(wake)) {}

bool StreamBuffer::Write(std::string bytes) {
  std::unique_lock lock(mutex_);
  if (closed_ || end_) return false;
  // Judged without this write: however large it is, a peer that has read all before it is not slow.
  if (waiting_.size() + in_flight_bytes_ >= limit_bytes_) {
    cut_off_ = true;
    auto wake = wake_;
    Finish(std::move(lock));
    if (wake) wake();
    return false;
  }
  if (waiting_.empty()) {
    waiting_ = std::move(bytes);
  } else {
    waiting_ += bytes;
  }
  if (woken_) return true;
  woken_ = true;
  const auto wake = wake_;
  lock.unlock();
  wake();
  return true;
}

void StreamBuffer::Close() {
  std::unique_lock lock(mutex_);
  if (closed_ || end_) return;
  end_ = true;
  if (woken_) return;
  woken_ = true;
  const auto wake = wake_;
  lock.unlock();
  wake();
}

void StreamBuffer::OnClosed(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (!closed_) {
      callbacks_.push_back(std::move(callback));
      return;
    }
  }
  callback();
}

StreamBuffer::Work StreamBuffer::Take() {
  const std::lock_guard lock(mutex_);
  woken_ = false;
  Work work{std::move(waiting_), end_};
  waiting_.clear();
  in_flight_bytes_ = work.bytes.size();
  return work;
}

void StreamBuffer::OnDrained(std::size_t bytes, std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (!closed_ && waiting_.size() + in_flight_bytes_ > bytes) {
      drained_bytes_ = bytes;
      drained_ = std::move(callback);
      return;
    }
  }
  callback();
}

void StreamBuffer::Written() {
  std::function<void()> drained;
  {
    const std::lock_guard lock(mutex_);
    in_flight_bytes_ = 0;
    if (drained_ && waiting_.size() <= drained_bytes_) drained = std::exchange(drained_, nullptr);
  }
  if (drained) drained();
}

bool StreamBuffer::cut_off() const {
  const std::lock_guard lock(mutex_);
  return cut_off_;
}

void StreamBuffer::Ended() { Finish(std::unique_lock(mutex_)); }

// The wake function holds the connection, so it is dropped here: neither keeps the other alive after the end.
void StreamBuffer::Finish(std::unique_lock<std::mutex> lock) {
  if (closed_) return;
  closed_ = true;
  waiting_ = std::string();
  const std::vector<std::function<void()>> callbacks = std::exchange(callbacks_, {});
  const std::function<void()> wake = std::exchange(wake_, nullptr);
  const std::function<void()> drained = std::exchange(drained_, nullptr);
  lock.unlock();
  if (drained) drained();
  for (const auto& callback : callbacks) callback();
}

}  // namespace asya::http
