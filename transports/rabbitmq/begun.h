// Begun: which deliveries of a message had a call begun with them, written down on the broker before the call.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "transports/rabbitmq/calls.h"
#include "transports/rabbitmq/pardons.h"

namespace asya::transports::rabbitmq {

// The broker counts every delivery that was never settled, also one that no relay has seen: what was on its way to a
// consumer that was cancelled, or to a connection that broke. A message is given up for deaths only, so a call of one
// that has losses is written down before it begins: as a durable queue, always empty, whose name says which delivery of
// which message it is. That such a queue is there is the record. It goes when the message is settled.
class Begun {
 public:
  using Done = std::function<void()>;
  using Counted = std::function<void(std::int64_t)>;

  // `calls` outlives this; `actor_queue` is the full name.
  Begun(Calls& calls, std::string actor_queue) : calls_(calls), actor_queue_(std::move(actor_queue)) {}

  // `done`: the broker has it. Where it will not, the call counts for nothing if it dies.
  void Write(std::uint64_t print, std::int64_t number, Done done);
  // A delivery that ends without a death, and whose number comes again.
  void Remove(std::uint64_t print, std::int64_t number, Done done);
  // All of a message whose last delivery has this number.
  void RemoveAll(std::uint64_t print, std::int64_t last);
  // How many of these deliveries had a call begun with them.
  void Count(std::uint64_t print, LossSet among, Counted counted);

 private:
  [[nodiscard]] std::string NameOf(std::uint64_t print, std::int64_t number) const;

  Calls& calls_;
  const std::string actor_queue_;
};

}  // namespace asya::transports::rabbitmq
