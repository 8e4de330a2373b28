// AbandonedWork: takes what nobody will work on out of the queue of an actor, into the dead letters.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "core/base/clock.h"
#include "ports/dead_letter_box.h"
#include "ports/message_queue.h"

namespace asya::server {

// Thread safe.
class AbandonedWorkBox final : public ports::DeadLetterBox {
 public:
  static constexpr std::size_t kMessagesAtOnce = 64;  // taken out of a queue and not settled
  struct Patience {
    std::chrono::milliseconds connect{2000};  // for the broker
    std::chrono::milliseconds quiet{1000};    // after the last message, until the queue is taken for empty
    // Of one call, but for the last settlements. Whoever has lost the Lease ends with what is under way, and another
    // server works five seconds later.
    std::chrono::milliseconds all{2500};
    std::chrono::milliseconds stop{500};  // for the last settlements, and for what is given back
  };

  // A consumer of a queue on the broker of a Transport.
  using Consume = std::function<Result<std::unique_ptr<ports::MessageQueue>>(const json::Value& transport,
                                                                             const std::string& queue)>;
  // Makes a dead letter of a message, durable when it returns, and the same when it is called again.
  using Keep = std::function<Status(const std::string& body, const ports::AbandonedWork& work)>;

  AbandonedWorkBox(Consume consume, Keep keep, const Clock& clock)
      : AbandonedWorkBox(std::move(consume), std::move(keep), clock, Patience()) {}
  AbandonedWorkBox(Consume consume, Keep keep, const Clock& clock, const Patience& patience)
      : consume_(std::move(consume)), keep_(std::move(keep)), clock_(clock), patience_(patience) {}

  Result<std::int64_t> Take(const ports::AbandonedWork& work) override;

 private:
  const Consume consume_;
  const Keep keep_;
  const Clock& clock_;
  const Patience patience_;
};

}  // namespace asya::server
