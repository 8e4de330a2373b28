#include "transports/sqlite/mailbox.h"

#include <sys/eventfd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace asya::transports::sqlite {

Status Mailbox::Open() {
  const std::lock_guard lock(mutex_);
  event_ = UniqueFd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!event_.valid()) return Fail(ErrorCode::kUnavailable, std::string("eventfd: ") + std::strerror(errno));
  open_ = true;
  return Ok();
}

bool Mailbox::Post(Letter letter) {
  const std::lock_guard lock(mutex_);
  if (!open_) return false;
  letters_.push_back(std::move(letter));
  // One wake-up is enough until Take.
  if (letters_.size() > 1) return true;
  const std::uint64_t one = 1;
  return write(event_.get(), &one, sizeof(one)) == sizeof(one);
}

std::vector<Mailbox::Letter> Mailbox::Take() {
  const std::lock_guard lock(mutex_);
  std::vector<Letter> taken;
  taken.swap(letters_);
  std::uint64_t count = 0;
  if (!taken.empty() && read(event_.get(), &count, sizeof(count)) < 0) count = 0;
  return taken;
}

void Mailbox::Close() {
  std::vector<Letter> dropped;
  const std::lock_guard lock(mutex_);
  open_ = false;
  dropped.swap(letters_);
}

}  // namespace asya::transports::sqlite
