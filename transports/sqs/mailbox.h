// Mailbox: what other threads ask of the thread that turns Transfers.
#pragma once

#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "core/http/transfers.h"

namespace asya::transports::sqs {

class Mailbox {
 public:
  using Letter = std::function<void()>;
  explicit Mailbox(http::Transfers& transfers) : transfers_(transfers) {}

  // From any thread; bounded by the senders: a few letters for each lease, one for each caller who waits.
  void Post(Letter letter) {
    const std::lock_guard lock(mutex_);
    letters_.push_back(std::move(letter));
    // One wake-up is enough until Take.
    if (letters_.size() == 1) transfers_.Wake();
  }
  // All letters, in order.
  std::vector<Letter> Take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(letters_, {});
  }

 private:
  http::Transfers& transfers_;
  std::mutex mutex_;
  std::vector<Letter> letters_;
};

}  // namespace asya::transports::sqs
