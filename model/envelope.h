// Envelope: the JSON message that travels between actors (spec 03); its payload stays the bytes that came in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/json/value.h"

namespace asya::model {

struct Route {
  std::vector<std::string> prev;
  std::string curr;
  std::vector<std::string> next;
  // prev + curr, next[0], rest; at the end curr is "" and next empty.
  [[nodiscard]] Route Shifted() const;
  friend bool operator==(const Route&, const Route&) = default;
};

// status.*; unknown members of a received status are kept in `extra`.
struct EnvelopeStatus {
  std::string phase;   // pending, processing, retrying, succeeded, failed, paused, canceled
  std::string reason;  // Completed, RuntimeError, … ; empty if none
  std::string actor;
  std::int64_t attempt = 1;
  std::int64_t max_attempts = 1;
  std::string created_at;  // RFC 3339, kept as it came
  std::string updated_at;
  std::string deadline_at;  // never lost or moved
  json::Value error;        // {type, mro, message, traceback} or null
  json::Object extra;
};

struct Envelope {
  std::string id;
  std::string parent_id;
  Route route;
  json::Object headers;
  EnvelopeStatus status;
  std::string payload = "null";  // raw JSON bytes
  // Its text has the form that we write it in, which every reader takes. Else a part may be missing or null.
  bool as_written = false;
};

inline constexpr std::size_t kIdLimitBytes = 256;         // of id and parent_id
inline constexpr std::size_t kRouteLimitActors = 10'000;  // in route.prev and in route.next

// kInvalid with the offending field; the payload is checked to be JSON but not decoded. Unknown top-level members are
// dropped.
Result<Envelope> ParseEnvelope(std::string_view text);
// The same into a fresh envelope; after an error it means nothing.
Status ReadEnvelope(std::string_view text, Envelope& envelope);
// The bytes to publish; payload bytes as they are.
std::string SerializeEnvelope(const Envelope& envelope);
// The same with that payload in place of its own.
std::string SerializeEnvelope(const Envelope& envelope, std::string_view payload);

// One frame of the runtime's answer: {payload, route (already shifted), headers?, status?}.
struct Frame {
  std::string_view payload = "null";  // raw JSON bytes of another's text
  Route route;
  std::optional<json::Object> headers;
  std::optional<json::Object> status;
};
// Its payload is a part of `text`.
Result<Frame> ParseFrame(std::string_view text);

// Id of the `index`-th frame of an invocation: index 0 keeps the id, later ones are derived from (input id, actor,
// index), so that a repeated attempt gives the same ids. UUID-shaped (RFC 9562 version 8).
std::string DeriveId(std::string_view input_id, std::string_view actor, std::int64_t index);

// "asya-{namespace}-{actor}".
std::string QueueName(std::string_view namespace_, std::string_view actor);

// The actor whose queue serves `actor` by the header x-asya-route-override ({actor: target}); `actor` itself if none
// does.
std::string RouteTarget(const json::Object& headers, const std::string& actor);

// Name of the first end of every envelope and of the dead letters; neither may stand in a user's route.
inline constexpr std::string_view kSinkActor = "x-sink";
inline constexpr std::string_view kSumpActor = "x-sump";

}  // namespace asya::model
