// Forward: turns the frames of a finished call into the messages that go on, and failed calls into those that end.
#pragma once

#include <string>
#include <vector>

#include "core/base/clock.h"
#include "model/envelope.h"
#include "ports/message_queue.h"

namespace asya::relay {

// Who forwards, and when.
struct Place {
  std::string namespace_;
  std::string actor;
  std::string sink;
  std::string sump;
  bool is_end_actor = false;
  WallTime now{};
};

// One message for each frame; a frame at the end of its route goes to x-sink, at an end actor nowhere. No frame at all
// (None) ends the route with payload null. kInvalid (field "route.next") when a handler names a system actor.
Result<std::vector<ports::Outgoing>> Forward(const model::Envelope& input, std::vector<model::Frame> frames,
                                             const Place& place);

// How an envelope ends without success.
struct Ending {
  std::string phase = "failed";
  std::string reason;
  json::Value error;
};

// The message to x-sink, or to x-sump where x-sink has been: the envelope as it was, with its status.
ports::Outgoing Fail(const model::Envelope& input, const Ending& ending, const Place& place);

// The message to the first of the actors of onExhausted; the others are what is left of its route.
ports::Outgoing RouteTo(const model::Envelope& input, const std::vector<std::string>& actors, const Ending& ending,
                        const Place& place);

// The envelope as it waits in its own queue for the next attempt.
std::string RetryBody(const model::Envelope& input, std::int64_t max_attempts, WallTime first_started,
                      const json::Value& error, const Place& place);

// The dead letter for bytes that are no envelope: kept whole, base64. Of what would make it larger than `limit_bytes`
// (0: not known) the beginning is kept, and the error names the size and SHA-256 of the whole. `problem` may quote the
// bytes, and need not be UTF-8.
struct Letter {
  model::Envelope envelope;
  ports::Outgoing message;  // the envelope on its way to x-sump
};
Letter RawLetter(std::string_view bytes, const std::string& problem, std::size_t limit_bytes, const Place& place);

// Which attempt of this actor comes next. Once the task has ended, its status tells of the attempts that led there, and
// the ends and hooks count their own apart from it.
std::int64_t AttemptHere(const model::Envelope& input, const Place& place);

// The same for each delivery of the same attempt of the same step, at whichever place.
std::string AttemptKey(const model::Envelope& envelope);

// Start of this actor's first attempt, when the envelope has had one.
std::optional<WallTime> FirstAttempt(const model::Envelope& input);

// True when the envelope has been at x-sink before (its hooks come after).
bool PassedSink(const model::Envelope& input, const Place& place);

// An envelope as its dead-letter record keeps it: with the route it had where it failed.
model::Envelope AsItFailed(model::Envelope envelope);

}  // namespace asya::relay
