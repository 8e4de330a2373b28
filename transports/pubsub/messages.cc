#include "transports/pubsub/messages.h"

#include <utility>

#include "transports/pubsub/wire.h"

namespace asya::transports::pubsub {
namespace {

constexpr std::uint32_t kMapKey = 1;
constexpr std::uint32_t kMapValue = 2;
constexpr std::uint32_t kPageSize = 1000;

namespace in_subscription {
constexpr std::uint32_t kName = 1;
constexpr std::uint32_t kTopic = 2;
constexpr std::uint32_t kAckDeadline = 5;
constexpr std::uint32_t kRetention = 8;
constexpr std::uint32_t kLabels = 9;
constexpr std::uint32_t kExpiration = 11;
constexpr std::uint32_t kDeadLetters = 13;
}  // namespace in_subscription

Error Broken(const char* what) { return Invalid("", std::string("Pub/Sub sent a broken ") + what); }

void WriteMap(Writer& writer, std::uint32_t field, const Attributes& map) {
  for (const auto& [key, value] : map) {
    std::string entry;
    Writer inner(entry);
    inner.Bytes(kMapKey, key);
    inner.Bytes(kMapValue, value);
    writer.AddBytes(field, entry);
  }
}

bool ReadMapEntry(std::string_view bytes, Attributes& map) {
  std::string key;
  std::string value;
  Reader reader(bytes);
  while (reader.Next()) {
    if (reader.field() == kMapKey) key = reader.bytes();
    if (reader.field() == kMapValue) value = reader.bytes();
  }
  if (!reader.broken()) map[std::move(key)] = std::move(value);
  return !reader.broken();
}

// Of Timestamp and Duration, which are alike.
bool ReadTime(std::string_view bytes, std::int64_t& seconds, std::int64_t& nanoseconds) {
  Reader reader(bytes);
  while (reader.Next()) {
    if (reader.field() == 1) seconds = static_cast<std::int64_t>(reader.number());
    if (reader.field() == 2) nanoseconds = static_cast<std::int64_t>(reader.number());
  }
  return !reader.broken();
}

bool ReadPublishTime(std::string_view bytes, WallTime& time) {
  constexpr std::int64_t kSecondsMax = 253'402'300'800;  // the year 10000
  std::int64_t seconds = 0;
  std::int64_t nanoseconds = 0;
  if (!ReadTime(bytes, seconds, nanoseconds)) return false;
  if (seconds < 0 || seconds > kSecondsMax) return true;
  time = WallTime(std::chrono::seconds(seconds) +
                  std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::nanoseconds(nanoseconds)));
  return true;
}

bool ReadMessage(std::string_view bytes, Received& received) {
  constexpr std::uint32_t kData = 1;
  constexpr std::uint32_t kAttributes = 2;
  constexpr std::uint32_t kMessageId = 3;
  constexpr std::uint32_t kPublishTime = 4;
  bool good = true;
  Reader reader(bytes);
  while (good && reader.Next()) {
    if (reader.field() == kData) received.data = reader.bytes();
    if (reader.field() == kAttributes) good = ReadMapEntry(reader.bytes(), received.attributes);
    if (reader.field() == kMessageId) received.message_id = reader.bytes();
    if (reader.field() == kPublishTime) good = ReadPublishTime(reader.bytes(), received.published_at);
  }
  return good && !reader.broken();
}

bool ReadReceived(std::string_view bytes, Received& received) {
  constexpr std::uint32_t kAckId = 1;
  constexpr std::uint32_t kMessage = 2;
  constexpr std::uint32_t kAttempt = 3;
  bool good = true;
  Reader reader(bytes);
  while (good && reader.Next()) {
    if (reader.field() == kAckId) received.ack_id = reader.bytes();
    if (reader.field() == kMessage) good = ReadMessage(reader.bytes(), received);
    if (reader.field() == kAttempt) received.attempt = static_cast<int>(reader.number() & 0xffffU);
  }
  return good && !reader.broken();
}

bool ReadDeadLetters(std::string_view bytes, Subscription& subscription) {
  Reader reader(bytes);
  while (reader.Next()) {
    if (reader.field() == 1) subscription.dead_letter_topic = reader.bytes();
    if (reader.field() == 2) subscription.delivery_attempts_max = static_cast<int>(reader.number() & 0xffffU);
  }
  return !reader.broken();
}

}  // namespace

std::string TopicName(const std::string& project, const std::string& queue) {
  return "projects/" + project + "/topics/" + queue;
}

std::string SubscriptionName(const std::string& project, const std::string& queue) {
  return "projects/" + project + "/subscriptions/" + queue;
}

std::string EncodeMessage(std::string_view data, const Attributes& attributes) {
  std::string out;
  out.reserve(data.size() + 256);
  Writer writer(out);
  writer.Bytes(1, data);
  WriteMap(writer, 2, attributes);
  return out;
}

std::string EncodePublish(const std::string& topic, const std::vector<std::string>& messages) {
  std::string out;
  Writer writer(out);
  writer.Bytes(1, topic);
  for (const std::string& message : messages) writer.AddBytes(2, message);
  return out;
}

std::string EncodePull(const std::string& subscription, std::size_t count, bool at_once) {
  std::string out;
  Writer writer(out);
  writer.Bytes(1, subscription);
  writer.Number(2, at_once ? 1 : 0);
  writer.Number(3, count);
  return out;
}

std::string EncodeAck(const std::string& subscription, const std::vector<std::string>& ack_ids) {
  std::string out;
  Writer writer(out);
  writer.Bytes(1, subscription);
  for (const std::string& id : ack_ids) writer.AddBytes(2, id);
  return out;
}

std::string EncodeModify(const std::string& subscription, const std::vector<std::string>& ack_ids, int seconds) {
  constexpr std::uint32_t kSeconds = 3;
  constexpr std::uint32_t kAckIds = 4;
  std::string out;
  Writer writer(out);
  writer.Bytes(1, subscription);
  writer.Number(kSeconds, static_cast<std::uint64_t>(seconds));
  for (const std::string& id : ack_ids) writer.AddBytes(kAckIds, id);
  return out;
}

std::string EncodeName(const std::string& name) {
  std::string out;
  Writer(out).Bytes(1, name);
  return out;
}

std::string EncodeTopic(const std::string& name, const Attributes& labels) {
  std::string out;
  Writer writer(out);
  writer.Bytes(1, name);
  WriteMap(writer, 2, labels);
  return out;
}

std::string EncodeSubscription(const Subscription& subscription) {
  std::string out;
  Writer writer(out);
  writer.Bytes(in_subscription::kName, subscription.name);
  writer.Bytes(in_subscription::kTopic, subscription.topic);
  writer.Number(in_subscription::kAckDeadline, static_cast<std::uint64_t>(subscription.ack_deadline_s));
  if (subscription.retention_s > 0) {
    std::string duration;
    Writer(duration).Number(1, static_cast<std::uint64_t>(subscription.retention_s));
    writer.AddBytes(in_subscription::kRetention, duration);
  }
  WriteMap(writer, in_subscription::kLabels, subscription.labels);
  constexpr std::uint64_t kDayS = 24 * 3600;
  std::string expiration;  // there, but without a time: never
  if (subscription.expires) {
    std::string duration;
    Writer(duration).Number(1, kDayS);
    Writer(expiration).AddBytes(1, duration);
  }
  writer.AddBytes(in_subscription::kExpiration, expiration);
  if (!subscription.dead_letter_topic.empty()) {
    std::string policy;
    Writer inner(policy);
    inner.Bytes(1, subscription.dead_letter_topic);
    inner.Number(2, static_cast<std::uint64_t>(subscription.delivery_attempts_max));
    writer.AddBytes(in_subscription::kDeadLetters, policy);
  }
  return out;
}

std::string EncodeUpdate(const Subscription& subscription, const std::vector<std::string>& changed) {
  std::string mask;
  Writer paths(mask);
  for (const std::string& path : changed) paths.AddBytes(1, path);
  std::string out;
  Writer writer(out);
  writer.AddBytes(1, EncodeSubscription(subscription));
  writer.AddBytes(2, mask);
  return out;
}

std::string EncodeList(const std::string& project, const std::string& page_token) {
  constexpr std::uint32_t kToken = 3;
  std::string out;
  Writer writer(out);
  writer.Bytes(1, "projects/" + project);
  writer.Number(2, kPageSize);
  writer.Bytes(kToken, page_token);
  return out;
}

Result<std::vector<Received>> DecodePull(std::string_view answer) {
  std::vector<Received> found;
  Reader reader(answer);
  while (reader.Next()) {
    if (reader.field() != 1) continue;
    if (!ReadReceived(reader.bytes(), found.emplace_back())) return Broken("message");
  }
  if (reader.broken()) return Broken("answer to a pull");
  return found;
}

Result<Subscription> DecodeSubscription(std::string_view answer) {
  Subscription subscription;
  bool good = true;
  std::int64_t nanoseconds = 0;
  Reader reader(answer);
  while (good && reader.Next()) {
    switch (reader.field()) {
      case in_subscription::kName:
        subscription.name = reader.bytes();
        break;
      case in_subscription::kTopic:
        subscription.topic = reader.bytes();
        break;
      case in_subscription::kAckDeadline:
        subscription.ack_deadline_s = static_cast<int>(reader.number() & 0xffffU);
        break;
      case in_subscription::kRetention:
        good = ReadTime(reader.bytes(), subscription.retention_s, nanoseconds);
        break;
      case in_subscription::kLabels:
        good = ReadMapEntry(reader.bytes(), subscription.labels);
        break;
      case in_subscription::kDeadLetters:
        good = ReadDeadLetters(reader.bytes(), subscription);
        break;
      default:
        break;
    }
  }
  if (!good || reader.broken()) return Broken("subscription");
  return subscription;
}

Result<std::string> DecodeList(std::string_view answer, std::vector<Subscription>& found) {
  std::string token;
  Reader reader(answer);
  while (reader.Next()) {
    if (reader.field() == 1) {
      ASYA_TRY(Subscription one, DecodeSubscription(reader.bytes()));
      found.push_back(std::move(one));
    }
    if (reader.field() == 2) token = reader.bytes();
  }
  if (reader.broken()) return Broken("list of subscriptions");
  return token;
}

}  // namespace asya::transports::pubsub
