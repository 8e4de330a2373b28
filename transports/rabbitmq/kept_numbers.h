// KeptNumbers: the management API's numbers of all queues, asked for once for everybody who wants to know within a few
// seconds.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "transports/rabbitmq/management.h"

namespace asya::transports::rabbitmq {

// Thread safe. Whoever finds them too old waits for one answer; the others wait for the same one.
class KeptNumbers {
 public:
  // RabbitMQ itself counts anew each 5 s.
  static constexpr std::chrono::seconds kLife{5};

  using Read = std::function<Result<std::map<std::string, Management::QueueNumbers>>()>;
  KeptNumbers(Read read, const Clock& clock) : read_(std::move(read)), clock_(clock) {}

  struct Known {
    Management::QueueNumbers numbers;  // zeros of a queue that is not known there, as one that is new
    std::optional<Error> problem;      // why it does not tell them now; they are those that it told last
  };
  Known Of(const std::string& queue);

 private:
  const Read read_;
  const Clock& clock_;
  std::mutex mutex_;
  std::optional<SteadyTime> read_at_;
  std::map<std::string, Management::QueueNumbers> numbers_;
  std::optional<Error> problem_;
};

}  // namespace asya::transports::rabbitmq
