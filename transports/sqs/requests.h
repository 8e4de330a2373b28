// Requests: the bodies of SQS's calls (its JSON protocol), as text.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/base/clock.h"

namespace asya::transports::sqs {

enum class Action {
  kReceiveMessage,
  kSendMessageBatch,
  kDeleteMessageBatch,
  kChangeMessageVisibilityBatch,
  kGetQueueUrl,
  kGetQueueAttributes,
  kSetQueueAttributes,
  kCreateQueue,
  kDeleteQueue,
  kListQueues,
  kListQueueTags,
  kTagQueue,
};
inline constexpr std::size_t kActions = 12;
// "ReceiveMessage".
const char* NameOf(Action action);

inline constexpr std::size_t kBatchEntriesMax = 10;            // of SQS
inline constexpr std::chrono::seconds kDelayMax{900};          // of SQS, for a message that is sent
inline constexpr std::chrono::seconds kVisibilityMax{43'200};  // of SQS, since the message was received
inline constexpr std::size_t kMessageBytesMost = 1'048'576;    // of SQS since August 2025; 262,144 before
inline constexpr std::size_t kAttributesBytesMax = 1024;       // what our attributes add to the size of a message
inline constexpr std::size_t kMessageIdBytesMax = 512;

// Our message attributes.
inline constexpr const char* kIdAttribute = "asya.id";            // Outgoing::message_id
inline constexpr const char* kDueAttribute = "asya.due";          // µs since 1970: not to be worked on before
inline constexpr const char* kCrashesAttribute = "asya.crashes";  // of the message that this one is a copy of
inline constexpr const char* kBytesAttribute = "asya.bytes";      // "base64": what the body is written in

struct Parcel {
  std::string body;
  std::string message_id;
  std::chrono::seconds delay{0};
  WallTime due{};  // of 1970: at once
  std::int64_t crashes = 0;
};

// How many bytes SQS counts for it, attributes not counted: a body that is no text grows by a third.
std::size_t CountedBytes(const std::string& body);

std::string ReceiveRequest(const std::string& url, std::size_t count, std::chrono::seconds wait,
                           std::chrono::seconds visibility);
// Entries of the three batches, to be put together by BatchRequest.
std::string SendEntry(const Parcel& parcel);
std::string DeleteEntry(const std::string& receipt);
std::string VisibilityEntry(const std::string& receipt, std::chrono::seconds visibility);
// Gives the entries the Ids "0", "1", …
std::string BatchRequest(const std::string& url, const std::vector<std::string>& entries);

using Texts = std::map<std::string, std::string>;
// `account`: whose queue it is; empty: the caller's own.
std::string QueueUrlRequest(const std::string& name, const std::string& account);
std::string OfQueueRequest(const std::string& url);     // DeleteQueue, ListQueueTags
std::string AttributesRequest(const std::string& url);  // all of them
std::string SetAttributesRequest(const std::string& url, const Texts& attributes);
std::string TagRequest(const std::string& url, const Texts& tags);
std::string CreateRequest(const std::string& name, const Texts& attributes, const Texts& tags);
std::string ListRequest(const std::string& prefix, const std::string& next_token);

}  // namespace asya::transports::sqs
