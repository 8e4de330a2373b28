#include "transports/rabbitmq/kept_numbers.h"

#include <utility>

namespace asya::transports::rabbitmq {

KeptNumbers::Known KeptNumbers::Of(const std::string& queue) {
  const std::lock_guard lock(mutex_);
  if (!read_at_ || clock_.Steady() - *read_at_ >= kLife) {
    auto read = read_();
    problem_.reset();
    if (read.ok()) {
      numbers_ = std::move(read).value();
    } else {
      problem_ = read.error();
    }
    // Of the answer: one that takes long to fail must not be asked again at once.
    read_at_ = clock_.Steady();
  }
  const auto found = numbers_.find(queue);
  return {found == numbers_.end() ? Management::QueueNumbers() : found->second, problem_};
}

}  // namespace asya::transports::rabbitmq
