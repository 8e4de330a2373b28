#include "model/envelope_scan.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "core/json/parse.h"

namespace asya::model {
namespace {

using json::ReadEach;
using json::Scan;

constexpr std::size_t kPayloadDepth = 256;  // far more than the quick scan takes anyway

// Finds members by what is written before their values. They stand in the order in which we write them: usually it is
// the next one.
template <std::size_t kCount>
class Places {
 public:
  explicit Places(const std::string_view (&openings)[kCount]) : openings_(openings) {}
  // The place of the member that begins here, read up to its value; their count if it is none of them, came before, or
  // has white space after its name.
  unsigned Take(Scan& scan) {
    unsigned place = next_;
    while (place < kCount && !scan.TakeWord(openings_[place])) ++place;
    if (place == kCount) {
      place = 0;
      while (place < next_ && !scan.TakeWord(openings_[place])) ++place;
      if (place == next_) return kCount;
    }
    if (std::exchange(taken_[place], true)) return kCount;
    next_ = place + 1;
    scan.Space();
    return place;
  }
  [[nodiscard]] bool taken(unsigned place) const { return taken_[place]; }

 private:
  const std::string_view (&openings_)[kCount];
  bool taken_[kCount] = {};
  unsigned next_ = 0;
};

bool ReadText(Scan& scan, std::string& out) {
  const auto text = scan.String();
  if (!text || text->escaped) return false;
  out.assign(text->inside);
  return true;
}

bool ReadNames(Scan& scan, std::vector<std::string>& out) {
  if (!scan.Take('[')) return false;
  scan.Space();
  if (scan.Take(']')) return true;
  do {
    scan.Space();
    const auto name = scan.String();
    if (!name || name->escaped || out.size() == kRouteLimitActors) return false;
    out.emplace_back(name->inside);
    scan.Space();
  } while (scan.Take(','));
  return scan.Take(']');
}

bool ReadCount(Scan& scan, std::int64_t& out) {
  const auto number = scan.Number();
  if (!number) return false;
  const char* const end = number->data() + number->size();
  const auto [stop, error] = std::from_chars(number->data(), end, out);
  return error == std::errc() && stop == end && out >= 0;
}

bool ReadRoute(Scan& scan, Route& route) {
  enum Member : unsigned { kPrev, kCurr, kNext };
  static constexpr std::string_view kOpenings[] = {R"("prev":)", R"("curr":)", R"("next":)"};
  Places places(kOpenings);
  const bool read = ReadEach(scan, [&] {
    switch (static_cast<Member>(places.Take(scan))) {
      case kPrev:
        return ReadNames(scan, route.prev);
      case kCurr:
        return ReadText(scan, route.curr);
      case kNext:
        return ReadNames(scan, route.next);
    }
    return false;
  });
  return read && places.taken(kPrev) && places.taken(kCurr) && places.taken(kNext);
}

std::optional<json::Value> ReadValue(Scan& scan) {
  if (scan.Peek() == '"') {
    const auto text = scan.String();
    if (!text || text->escaped) return std::nullopt;
    return json::Value(text->inside);
  }
  const auto span = scan.Value(kPayloadDepth);
  if (!span) return std::nullopt;
  auto value = json::Parse(*span);
  return value.ok() ? std::optional(std::move(*value)) : std::nullopt;
}

bool ReadObject(Scan& scan, json::Object& object) {
  return json::ReadMembers(scan, [&](std::string_view key) {
    auto value = ReadValue(scan);
    if (!value) return false;
    const std::size_t before = object.size();
    // What we write comes sorted.
    object.emplace_hint(object.end(), key, std::move(*value));
    return object.size() > before;
  });
}

// Without an error and without members that we do not know.
bool ReadStatus(Scan& scan, EnvelopeStatus& status) {
  enum Member : unsigned { kPhase, kReason, kActor, kAttempt, kMaxAttempts, kCreatedAt, kUpdatedAt, kDeadlineAt };
  static constexpr std::string_view kOpenings[] = {R"("phase":)",      R"("reason":)",       R"("actor":)",
                                                   R"("attempt":)",    R"("max_attempts":)", R"("created_at":)",
                                                   R"("updated_at":)", R"("deadline_at":)"};
  Places places(kOpenings);
  const bool read = ReadEach(scan, [&] {
    switch (static_cast<Member>(places.Take(scan))) {
      case kPhase:
        return ReadText(scan, status.phase);
      case kReason:
        return ReadText(scan, status.reason);
      case kActor:
        return ReadText(scan, status.actor);
      case kAttempt:
        return ReadCount(scan, status.attempt);
      case kMaxAttempts:
        return ReadCount(scan, status.max_attempts);
      case kCreatedAt:
        return ReadText(scan, status.created_at);
      case kUpdatedAt:
        return ReadText(scan, status.updated_at);
      case kDeadlineAt:
        return ReadText(scan, status.deadline_at);
    }
    return false;
  });
  return read && (status.deadline_at.empty() || ParseRfc3339(status.deadline_at).has_value());
}

template <class Text>
bool ReadPayload(Scan& scan, Text& payload) {
  const auto value = scan.Value(kPayloadDepth);
  if (value) payload = *value;
  return value.has_value();
}

}  // namespace

bool ScanEnvelope(std::string_view text, Envelope& envelope) {
  enum Member : unsigned { kId, kParentId, kRoute, kHeaders, kStatus, kPayload };
  static constexpr std::string_view kOpenings[] = {R"("id":)",      R"("parent_id":)", R"("route":)",
                                                   R"("headers":)", R"("status":)",    R"("payload":)"};
  Scan scan(text);
  Places places(kOpenings);
  scan.Space();
  const bool read = ReadEach(scan, [&] {
    switch (static_cast<Member>(places.Take(scan))) {
      case kId:
        return ReadText(scan, envelope.id);
      case kParentId:
        return ReadText(scan, envelope.parent_id);
      case kRoute:
        return ReadRoute(scan, envelope.route);
      case kHeaders:
        return ReadObject(scan, envelope.headers);
      case kStatus:
        return ReadStatus(scan, envelope.status);
      case kPayload:
        return ReadPayload(scan, envelope.payload);
    }
    return false;
  });
  const bool whole = !envelope.id.empty() && places.taken(kRoute) && places.taken(kPayload);
  const bool fits = envelope.id.size() <= kIdLimitBytes && envelope.parent_id.size() <= kIdLimitBytes;
  envelope.as_written = true;
  return read && scan.AtEnd() && whole && fits;
}

bool ScanFrame(json::Scan& scan, Frame& frame) {
  enum Member : unsigned { kPayload, kRoute, kHeaders, kStatus };
  static constexpr std::string_view kOpenings[] = {R"("payload":)", R"("route":)", R"("headers":)", R"("status":)"};
  Places places(kOpenings);
  const bool read = ReadEach(scan, [&] {
    switch (static_cast<Member>(places.Take(scan))) {
      case kRoute:
        return ReadRoute(scan, frame.route);
      case kHeaders:
        return ReadObject(scan, frame.headers.emplace());
      case kStatus:
        return ReadObject(scan, frame.status.emplace());
      case kPayload:
        return ReadPayload(scan, frame.payload);
    }
    return false;
  });
  return read && places.taken(kRoute) && places.taken(kPayload);
}

}  // namespace asya::model
