// Current: one value that is exchanged as a whole while others read it.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace asya::apiserver {

// Thread safe; a reader keeps what it has got, however long it looks at it.
template <class T>
class Current {
 public:
  explicit Current(T value) : value_(std::make_shared<const T>(std::move(value))) {}
  void Put(T value) {
    auto next = std::make_shared<const T>(std::move(value));
    const std::lock_guard lock(mutex_);
    value_.swap(next);
  }
  [[nodiscard]] std::shared_ptr<const T> Get() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> value_;
};

}  // namespace asya::apiserver
