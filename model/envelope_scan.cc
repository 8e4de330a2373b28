#include "model/envelope_scan.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/json/parse.h"

namespace asya::model {
namespace {

using json::ReadMembers;
using json::Scan;

constexpr std::size_t kPayloadDepth = 256;  // far more than the quick scan takes anyway

// Finds members among their names, which stand in the order in which we write them: usually it is the next one.
template <std::size_t kCount>
class Places {
 public:
  explicit Places(const std::string_view (&names)[kCount]) : names_(names) {}
  // The place of `key`; their count if it is none of them, or came before.
  unsigned Take(std::string_view key) {
    unsigned place = next_;
    while (place < kCount && names_[place] != key) ++place;
    if (place == kCount) {
      place = 0;
      while (place < next_ && names_[place] != key) ++place;
      if (place == next_) return kCount;
    }
    if (std::exchange(taken_[place], true)) return kCount;
    next_ = place + 1;
    return place;
  }
  [[nodiscard]] bool taken(unsigned place) const { return taken_[place]; }

 private:
  const std::string_view (&names_)[kCount];
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
  static constexpr std::string_view kNames[] = {"prev", "curr", "next"};
  Places places(kNames);
  const bool read = ReadMembers(scan, [&](std::string_view key) {
    const unsigned place = places.Take(key);
    if (place == std::size(kNames)) return false;
    if (place == 1) return ReadText(scan, route.curr);
    return ReadNames(scan, place == 0 ? route.prev : route.next);
  });
  return read && places.taken(0) && places.taken(1) && places.taken(2);
}

bool ReadObject(Scan& scan, json::Object& object) {
  return ReadMembers(scan, [&](std::string_view key) {
    const std::size_t before = object.size();
    // What we write comes sorted.
    const auto place = object.emplace_hint(object.end(), std::string(key), json::Value());
    if (object.size() == before) return false;
    if (scan.Peek() == '"') {
      const auto text = scan.String();
      if (!text || text->escaped) return false;
      place->second = json::Value(text->inside);
      return true;
    }
    const auto span = scan.Value(kPayloadDepth);
    if (!span) return false;
    auto value = json::Parse(*span);
    if (value.ok()) place->second = std::move(*value);
    return value.ok();
  });
}

// Without an error and without members that we do not know.
bool ReadStatus(Scan& scan, EnvelopeStatus& status) {
  static constexpr std::string_view kNames[] = {"phase",      "reason",      "actor",   "created_at",
                                                "updated_at", "deadline_at", "attempt", "max_attempts"};
  std::string* const texts[] = {&status.phase,      &status.reason,     &status.actor,
                                &status.created_at, &status.updated_at, &status.deadline_at};
  Places places(kNames);
  const bool read = ReadMembers(scan, [&](std::string_view key) {
    const unsigned place = places.Take(key);
    if (place == std::size(kNames)) return false;
    if (place < std::size(texts)) return ReadText(scan, *texts[place]);
    return ReadCount(scan, place == std::size(texts) ? status.attempt : status.max_attempts);
  });
  return read && (status.deadline_at.empty() || ParseRfc3339(status.deadline_at).has_value());
}

bool ReadPayload(Scan& scan, std::string& payload) {
  const auto value = scan.Value(kPayloadDepth);
  if (value) payload.assign(*value);
  return value.has_value();
}

}  // namespace

bool ScanEnvelope(std::string_view text, Envelope& envelope) {
  enum Member : unsigned { kId, kParentId, kRoute, kHeaders, kStatus, kPayload };
  static constexpr std::string_view kNames[] = {"id", "parent_id", "route", "headers", "status", "payload"};
  Scan scan(text);
  Places places(kNames);
  scan.Space();
  const bool read = ReadMembers(scan, [&](std::string_view key) {
    const unsigned place = places.Take(key);
    if (place == std::size(kNames)) return false;
    switch (static_cast<Member>(place)) {
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
  enum Member : unsigned { kRoute, kHeaders, kStatus, kPayload };
  static constexpr std::string_view kNames[] = {"route", "headers", "status", "payload"};
  Places places(kNames);
  const bool read = ReadMembers(scan, [&](std::string_view key) {
    const unsigned place = places.Take(key);
    if (place == std::size(kNames)) return false;
    switch (static_cast<Member>(place)) {
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
