#include "transports/pubsub/marks.h"

#include <algorithm>
#include <charconv>

namespace asya::transports::pubsub {
namespace {

constexpr const char* kOwnId = "asya-id";
constexpr const char* kCrashes = "asya-crashes";       // of a copy: how many its original had
constexpr const char* kVisibleAt = "asya-visible-at";  // microseconds since 1970: not to be worked on before

constexpr std::chrono::seconds kLongestLease{kAckDeadlineMaxS};

std::int64_t NumberOf(const Attributes& attributes, const char* name) {
  constexpr std::int64_t kMax = std::int64_t{1} << 60U;
  const auto found = attributes.find(name);
  std::int64_t number = 0;
  if (found == attributes.end()) return number;
  const std::string& text = found->second;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return std::clamp<std::int64_t>(number, 0, kMax);
}

}  // namespace

Marks MarksOf(const Received& received, WallTime now) {
  Marks marks;
  const auto own_id = received.attributes.find(kOwnId);
  if (own_id != received.attributes.end()) marks.own_id = own_id->second;
  const std::int64_t visible_us = NumberOf(received.attributes, kVisibleAt);
  marks.visible_at = visible_us == 0 ? received.published_at : WallTime(std::chrono::microseconds(visible_us));
  marks.early = visible_us != 0 && marks.visible_at > now;
  marks.crashes = NumberOf(received.attributes, kCrashes);
  // Nobody has begun what is not due yet: whoever had it before has only kept it. What is due later than a lease lasts
  // has been received once before then, and let go.
  const bool was_early = visible_us != 0 && marks.visible_at - received.published_at > kLongestLease;
  if (!marks.early) marks.crashes += std::max(received.attempt - 1 - (was_early ? 1 : 0), 0);
  return marks;
}

Attributes Marked(const std::string& own_id, std::int64_t crashes, WallTime visible_at) {
  Attributes attributes;
  if (!own_id.empty()) attributes[kOwnId] = own_id;
  if (crashes > 0) attributes[kCrashes] = std::to_string(crashes);
  if (visible_at != WallTime{}) attributes[kVisibleAt] = std::to_string(visible_at.time_since_epoch().count());
  return attributes;
}

}  // namespace asya::transports::pubsub
