// The requests to Pub/Sub that we send and the answers that we read (google/pubsub/v1/pubsub.proto), by field number.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"

namespace asya::transports::pubsub {

// What Pub/Sub allows in one request.
constexpr std::size_t kPublishMessagesMax = 1000;
constexpr std::size_t kRequestBytesMax = 10'000'000;
constexpr std::size_t kAckBytesMax = 400U * 1024;  // of 512 KiB
constexpr int kAckDeadlineMinS = 10;
constexpr int kAckDeadlineMaxS = 600;

constexpr const char* kPublish = "/google.pubsub.v1.Publisher/Publish";
constexpr const char* kCreateTopic = "/google.pubsub.v1.Publisher/CreateTopic";
constexpr const char* kDeleteTopic = "/google.pubsub.v1.Publisher/DeleteTopic";
constexpr const char* kPull = "/google.pubsub.v1.Subscriber/Pull";
constexpr const char* kAcknowledge = "/google.pubsub.v1.Subscriber/Acknowledge";
constexpr const char* kModifyAckDeadline = "/google.pubsub.v1.Subscriber/ModifyAckDeadline";
constexpr const char* kCreateSubscription = "/google.pubsub.v1.Subscriber/CreateSubscription";
constexpr const char* kGetSubscription = "/google.pubsub.v1.Subscriber/GetSubscription";
constexpr const char* kUpdateSubscription = "/google.pubsub.v1.Subscriber/UpdateSubscription";
constexpr const char* kDeleteSubscription = "/google.pubsub.v1.Subscriber/DeleteSubscription";
constexpr const char* kListSubscriptions = "/google.pubsub.v1.Subscriber/ListSubscriptions";

using Attributes = std::map<std::string, std::string>;

struct Subscription {
  std::string name;   // full
  std::string topic;  // full; "_deleted-topic_" when that is gone
  int ack_deadline_s = 0;
  std::int64_t retention_s = 0;
  Attributes labels;
  std::string dead_letter_topic;
  int delivery_attempts_max = 0;
  bool expires = false;  // goes by itself after a day that nobody used it; not read

  bool operator==(const Subscription&) const = default;
};

struct Received {
  std::string ack_id;
  std::string message_id;
  std::string data;
  Attributes attributes;
  WallTime published_at{};
  int attempt = 0;  // 1 for the first; 0 where the subscription has no dead-letter policy
};

std::string TopicName(const std::string& project, const std::string& queue);
std::string SubscriptionName(const std::string& project, const std::string& queue);

// One message of a Publish request, to be joined by EncodePublish.
std::string EncodeMessage(std::string_view data, const Attributes& attributes);
std::string EncodePublish(const std::string& topic, const std::vector<std::string>& messages);
std::string EncodePull(const std::string& subscription, std::size_t count, bool at_once);
std::string EncodeAck(const std::string& subscription, const std::vector<std::string>& ack_ids);
std::string EncodeModify(const std::string& subscription, const std::vector<std::string>& ack_ids, int seconds);
// Of requests that hold a name and nothing else: topics and subscriptions alike.
std::string EncodeName(const std::string& name);
std::string EncodeTopic(const std::string& name, const Attributes& labels);
std::string EncodeSubscription(const Subscription& subscription);
std::string EncodeUpdate(const Subscription& subscription, const std::vector<std::string>& changed);
std::string EncodeList(const std::string& project, const std::string& page_token);

// kInvalid: not such a message.
Result<std::vector<Received>> DecodePull(std::string_view answer);
Result<Subscription> DecodeSubscription(std::string_view answer);
// Appends the names; the token of the next page, empty after the last.
Result<std::string> DecodeList(std::string_view answer, std::vector<Subscription>& found);

}  // namespace asya::transports::pubsub
