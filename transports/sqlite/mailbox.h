// Mailbox: what other threads hand to the broker's thread, in order.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "core/base/result.h"
#include "core/base/unique_fd.h"

namespace asya::transports::sqlite {

// Bounded by its senders: a letter follows a commit (at most one batch of the writer is under way), a caller who waits,
// or a delivery within the credits of a consumer in this process.
class Mailbox {
 public:
  using Letter = std::function<void()>;

  Status Open();
  // Readable when letters wait.
  [[nodiscard]] int fd() const { return event_.get(); }
  // False after Close.
  bool Post(Letter letter);
  std::vector<Letter> Take();
  void Close();

 private:
  std::mutex mutex_;
  UniqueFd event_;
  std::vector<Letter> letters_;
  bool open_ = false;
};

}  // namespace asya::transports::sqlite
