// Topology: the names and arguments of what we declare on a broker.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "transports/rabbitmq/methods.h"

namespace asya::transports::rabbitmq {

// What was delayed goes from here to the queue that its routing key names; what has no queue any more goes on to kLost.
inline constexpr const char* kDueExchange = "asya.due";
// Exchange and queue of what the broker itself could not or would not keep in a queue of ours: nothing is dropped.
inline constexpr const char* kLost = "asya.lost";
// From a relay to the others of its actor: see pardon_channel.h.
inline constexpr const char* kPardonExchange = "asya.pardon";

// Queues that are records, see begun.h; the permissions for pardons are those for them.
inline constexpr const char* kBegunPrefix = "asya.pardon.begun.";

enum class QueueType { kQuorum, kClassic };

// The methods that make the exchanges and the queue above; each may be repeated.
std::vector<std::string> DeclareShared();

// The methods that make the exchange for pardons, and a relay's own queue at it, for the relays of an actor's queue.
std::vector<std::string> DeclarePardons(const std::string& own_queue, const std::string& actor_queue,
                                        std::int64_t messages_max);

// The method that makes a queue of kBegunPrefix, which goes by itself when nobody has asked for it for so long.
std::string DeclareBegun(const std::string& name, std::chrono::milliseconds kept_for);

// Arguments of an actor's queue. The owner stands in the key for dead letters, which the broker compares when a queue
// is declared again. `broker_version` as Link::version().
Table QueueArguments(QueueType type, const std::string& owner_uid, int broker_version);

// The delay queue for a delay: its time is the least of the ladder that is not shorter.
struct DelayStep {
  std::chrono::milliseconds time{0};
  std::string name;  // of queue and exchange
};
constexpr std::chrono::milliseconds kLongestDelay{4'000'000'000};  // 46 days; the broker's limit is 2^32 ms
// Two steps an octave, from 50 ms on: a message waits behind others of its step for at most 42 % of its delay.
DelayStep StepFor(std::chrono::milliseconds delay);
std::vector<std::string> DeclareStep(const DelayStep& step);

}  // namespace asya::transports::rabbitmq
