#include "relay/forward.h"

#include <algorithm>
#include <utility>

#include "core/base/base64.h"
#include "core/base/sha256.h"
#include "core/base/utf8.h"
#include "model/claim.h"
#include "relay/admit.h"
#include "relay/fit.h"

namespace asya::relay {
namespace {

constexpr std::string_view kFirstAttemptHeader = "x-asya-first-attempt";
constexpr std::string_view kEndAttemptHeader = "x-asya-end-attempt";
constexpr const char* kResolvedHeader = "x-asya-route-resolved";
constexpr const char* kFailedRoute = "route";  // member of a failed status: the route as it was where it failed
constexpr std::size_t kRawIdDigits = 16;

json::Array NamesOf(const std::vector<std::string>& names) {
  json::Array array;
  for (const std::string& name : names) array.emplace_back(name);
  return array;
}

// Where it has been once it leaves this actor.
std::vector<std::string> Passed(const model::Route& route) {
  std::vector<std::string> prev;
  prev.reserve(route.prev.size() + 1);
  prev = route.prev;
  if (!route.curr.empty()) prev.push_back(route.curr);
  return prev;
}

// The same for each repetition of the same work, another one each time the route comes by.
std::string MessageId(const model::Envelope& envelope) {
  constexpr std::size_t kNumberBytes = 22;  // with the colons around it
  std::string id;
  id.reserve(envelope.id.size() + kNumberBytes + envelope.route.curr.size());
  id += envelope.id;
  id += ':';
  id += std::to_string(envelope.route.prev.size());
  id += ':';
  id += envelope.route.curr;
  if (id.size() > ports::kMessageIdLimitBytes) return "sha256:" + Sha256Hex(id);
  return id;
}

ports::Outgoing Message(const model::Envelope& envelope, std::string_view payload, const std::string& actor,
                        const Place& place) {
  return {model::QueueName(place.namespace_, actor), SerializeEnvelope(envelope, payload), MessageId(envelope)};
}

ports::Outgoing Message(const model::Envelope& envelope, const std::string& actor, const Place& place) {
  return Message(envelope, envelope.payload, actor, place);
}

bool IsTerminal(const model::EnvelopeStatus& status) {
  return status.phase == "succeeded" || status.phase == "failed" || status.phase == "canceled";
}

// How a task ended does not change where its end, or a hook after it, is tried again.
bool KeepsStatus(const model::Envelope& input, const Place& place) {
  return (place.is_end_actor || PassedSink(input, place)) && IsTerminal(input.status);
}

std::int64_t EndAttempt(const model::Envelope& input) {
  const auto header = input.headers.find(kEndAttemptHeader);
  return header == input.headers.end() || !header->second.IsInt() ? 1 : header->second.AsInt();
}

// A second visit of the same actor must not make the children of the first once more.
std::string ChildId(const model::Envelope& input, const std::string& actor, std::int64_t index) {
  if (index == 0) return input.id;
  const auto& prev = input.route.prev;
  const auto visits = std::count(prev.begin(), prev.end(), actor);
  return model::DeriveId(input.id, visits == 0 ? actor : actor + "#" + std::to_string(visits), index);
}

// What the actor that is done kept for its own attempts.
void EraseAttempts(json::Object& headers) {
  std::erase_if(headers, [](const auto& header) {
    return header.first == kFirstAttemptHeader || header.first == kEndAttemptHeader;
  });
}

// What a handler cannot take away.
void KeepOwnHeaders(const json::Object& from, json::Object& headers) {
  model::KeepClaimHeaders(from, headers);
  for (const auto& header : from) {
    if (header.first == "traceparent" || header.first == "tracestate") headers.insert(header);
  }
}

json::Object HeadersFor(const model::Envelope& input, std::optional<json::Object> given, bool is_child) {
  json::Object headers = given ? std::move(*given) : input.headers;
  EraseAttempts(headers);
  if (given) KeepOwnHeaders(input.headers, headers);
  if (is_child) {
    headers.erase(model::kClaimHeader);  // it holds nothing yet
    headers[model::kRootHeader] = model::RootOf(input);
  }
  return headers;
}

model::EnvelopeStatus StatusFor(const model::Envelope& input, const std::optional<json::Object>& given,
                                const std::string& next, bool keep, const Place& place) {
  model::EnvelopeStatus status;
  if (keep) {
    status = input.status;
  } else {
    status.phase = "pending";
    status.created_at = input.status.created_at;
    status.deadline_at = input.status.deadline_at;
    status.extra = input.status.extra;
    static constexpr std::string_view kOwn[] = {"phase",      "reason",     "actor",       "attempt", "max_attempts",
                                                "created_at", "updated_at", "deadline_at", "error",   kFailedRoute};
    static const json::Object kNone;
    for (const auto& [key, value] : given ? *given : kNone) {
      if (std::find(std::begin(kOwn), std::end(kOwn), key) == std::end(kOwn)) status.extra[key] = value;
    }
    std::erase_if(status.extra, [](const auto& member) { return member.first == kFailedRoute; });
  }
  status.actor = next;
  status.updated_at = FormatRfc3339(place.now, true);
  return status;
}

void EndAtSink(model::Envelope& envelope, bool keep, const Place& place) {
  envelope.route.curr = place.sink;
  envelope.route.next.clear();
  envelope.status.actor = place.actor;
  if (keep) return;
  envelope.status.phase = "succeeded";
  envelope.status.reason = "Completed";
}

Status CheckNext(const model::Frame& frame, bool passed_sink, const Place& place) {
  if (place.is_end_actor) return Ok();
  const auto is_system = [&](const std::string& name) {
    return name == place.sink || (name == place.sump && !passed_sink);
  };
  const auto& next = frame.route.next;
  const auto found = std::find_if(next.begin(), next.end(), is_system);
  if (!is_system(frame.route.curr) && found == next.end()) return Ok();
  return Invalid("route.next", "the handler put " + (found == next.end() ? frame.route.curr : *found) +
                                   " into the route; it ends every route by itself and cannot be named");
}

}  // namespace

bool PassedSink(const model::Envelope& input, const Place& place) {
  const auto& prev = input.route.prev;
  return std::find(prev.begin(), prev.end(), place.sink) != prev.end();
}

Result<std::vector<ports::Outgoing>> Forward(const model::Envelope& input, std::vector<model::Frame> frames,
                                             const Place& place) {
  std::vector<ports::Outgoing> messages;
  if (frames.empty()) {
    if (place.is_end_actor) return messages;
    frames.emplace_back();  // None: the end of the route, with payload null
  }
  const bool passed_sink = PassedSink(input, place);
  const bool keep = KeepsStatus(input, place);
  messages.reserve(frames.size());
  std::int64_t index = 0;
  for (model::Frame& frame : frames) {
    ASYA_TRY_STATUS(CheckNext(frame, passed_sink, place));
    model::Envelope envelope;
    envelope.id = ChildId(input, place.actor, index);
    const bool is_child = index++ > 0;
    envelope.parent_id = is_child ? input.id : input.parent_id;
    envelope.headers = HeadersFor(input, std::move(frame.headers), is_child);
    envelope.route.prev = Passed(input.route);
    envelope.route.curr = std::move(frame.route.curr);
    envelope.route.next = std::move(frame.route.next);
    envelope.status = StatusFor(input, frame.status, envelope.route.curr, keep, place);
    if (envelope.route.curr.empty()) {
      if (place.is_end_actor) continue;
      EndAtSink(envelope, keep, place);
    }
    const std::string target = model::RouteTarget(envelope.headers, envelope.route.curr);
    if (target != envelope.route.curr) {
      envelope.headers[kResolvedHeader] =
          json::Object{{envelope.route.curr, json::Object{{"target", target}, {"by", place.actor}}}};
    }
    messages.push_back(Message(envelope, frame.payload, target, place));
  }
  return messages;
}

ports::Outgoing Fail(const model::Envelope& input, const Ending& ending, const Place& place) {
  model::Envelope envelope = input;
  EraseAttempts(envelope.headers);
  // What failed first is what a person has to know; that x-sink or a hook failed on top is in the log.
  if (input.status.phase != "failed") {
    envelope.status.phase = ending.phase;
    envelope.status.reason = ending.reason;
    envelope.status.actor = place.actor;
    envelope.status.error = ending.error;
  }
  envelope.status.updated_at = FormatRfc3339(place.now, true);
  envelope.status.extra.emplace(kFailedRoute, json::Object{{"prev", NamesOf(input.route.prev)},
                                                           {"curr", input.route.curr},
                                                           {"next", NamesOf(input.route.next)}});
  const bool to_sump = place.is_end_actor || PassedSink(input, place);
  envelope.route = {Passed(input.route), to_sump ? place.sump : place.sink, {}};
  return Message(envelope, envelope.route.curr, place);
}

ports::Outgoing RouteTo(const model::Envelope& input, const std::vector<std::string>& actors, const Ending& ending,
                        const Place& place) {
  model::Envelope envelope = input;
  EraseAttempts(envelope.headers);
  envelope.route = {Passed(input.route), actors.front(), {actors.begin() + 1, actors.end()}};
  envelope.status.phase = "pending";
  envelope.status.reason = ending.reason;
  envelope.status.actor = actors.front();
  envelope.status.attempt = 1;
  envelope.status.max_attempts = 1;
  envelope.status.error = ending.error;
  envelope.status.updated_at = FormatRfc3339(place.now, true);
  return Message(envelope, model::RouteTarget(envelope.headers, envelope.route.curr), place);
}

std::string RetryBody(const model::Envelope& input, std::int64_t max_attempts, WallTime first_started,
                      const json::Value& error, const Place& place) {
  model::Envelope envelope = input;
  envelope.headers[std::string(kFirstAttemptHeader)] = FormatRfc3339(first_started, true);
  const std::int64_t next = AttemptHere(input, place) + 1;
  if (KeepsStatus(input, place)) {
    envelope.headers[std::string(kEndAttemptHeader)] = next;
  } else {
    envelope.status.phase = "retrying";
    envelope.status.actor = place.actor;
    envelope.status.error = error;
    envelope.status.attempt = next;
    envelope.status.max_attempts = max_attempts;
  }
  envelope.status.updated_at = FormatRfc3339(place.now, true);
  return SerializeEnvelope(envelope);
}

std::int64_t AttemptHere(const model::Envelope& input, const Place& place) {
  return KeepsStatus(input, place) ? EndAttempt(input) : input.status.attempt;
}

std::string AttemptKey(const model::Envelope& envelope) {
  return envelope.id + ":" + std::to_string(envelope.route.prev.size()) + ":" + envelope.route.curr + ":" +
         std::to_string(envelope.status.attempt) + ":" + std::to_string(EndAttempt(envelope));
}

std::optional<WallTime> FirstAttempt(const model::Envelope& input) {
  const auto header = input.headers.find(kFirstAttemptHeader);
  if (header == input.headers.end() || !header->second.IsString()) return std::nullopt;
  return ParseRfc3339(header->second.AsString());
}

Letter RawLetter(std::string_view bytes, const std::string& problem, std::size_t limit_bytes, const Place& place) {
  const std::string message = ReplaceInvalidUtf8(problem);
  model::Envelope envelope;
  // The same for a message that comes again; another one for the same bytes at another actor, which is another mistake.
  const std::string origin = model::QueueName(place.namespace_, place.actor) + "\n";
  envelope.id = "raw-" + Sha256Hex(origin + std::string(bytes)).substr(0, kRawIdDigits);
  envelope.route = {{place.actor}, place.sump, {}};
  envelope.status.phase = "failed";
  envelope.status.reason = "ParseError";
  envelope.status.actor = place.actor;
  envelope.status.created_at = FormatRfc3339(place.now, true);
  envelope.status.updated_at = envelope.status.created_at;
  envelope.status.error = json::Object{{"type", "ParseError"}, {"message", message}, {"mro", json::Array{}}};
  const auto keep = [&](std::string_view kept) {
    envelope.payload = R"({"raw_base64":")" + EncodeBase64(kept) + "\"}";
  };
  keep(bytes);
  const std::size_t whole = SerializeEnvelope(envelope).size();
  if (limit_bytes > 0 && whole + kOnwardBytes > limit_bytes) {
    envelope.status.error.AsObject()["message"] = message + " (only the beginning is kept: the whole has " +
                                                  std::to_string(bytes.size()) + " bytes and the SHA-256 " +
                                                  Sha256Hex(bytes) + ")";
    keep("");
    const std::size_t around = SerializeEnvelope(envelope).size() + kOnwardBytes;
    keep(bytes.substr(0, around < limit_bytes ? (limit_bytes - around) / 4 * 3 : 0));
  }
  Letter letter{{}, Message(envelope, place.sump, place)};
  letter.envelope = std::move(envelope);
  return letter;
}

model::Envelope AsItFailed(model::Envelope envelope) {
  const auto found = envelope.status.extra.find(kFailedRoute);
  if (found == envelope.status.extra.end()) return envelope;
  const auto names = [&](const char* member) {
    std::vector<std::string> result;
    const json::Value* value = found->second.Find(member);
    if (value == nullptr || !value->IsArray()) return result;
    for (const json::Value& name : value->AsArray()) {
      if (name.IsString()) result.push_back(name.AsString());
    }
    return result;
  };
  envelope.route = {names("prev"), found->second.GetString("curr").value_or(""), names("next")};
  envelope.status.extra.erase("route");
  return envelope;
}

}  // namespace asya::relay
