#include "transports/sqs/requests.h"

#include "core/base/base64.h"
#include "core/json/value.h"
#include "transports/sqs/text.h"

namespace asya::transports::sqs {
namespace {

constexpr int kListPage = 1000;

json::Value ObjectOf(const Texts& texts) {
  json::Object object;
  for (const auto& [name, text] : texts) object[name] = text;
  return object;
}

void AddAttribute(std::string& entry, const char* name, const char* type, const std::string& value) {
  entry += entry.empty() ? "" : ",";
  entry += json::Quote(name) + R"(:{"DataType":")" + type + R"(","StringValue":)" + json::Quote(value) + "}";
}

// What is too long to be kept is cut; what SQS would refuse is left out: the id only helps to find doubles.
std::string FittingId(const std::string& id) {
  std::string fitting = id.substr(0, kMessageIdBytesMax);
  return IsPlainText(fitting) ? fitting : "";
}

}  // namespace

const char* NameOf(Action action) {
  switch (action) {
    case Action::kReceiveMessage:
      return "ReceiveMessage";
    case Action::kSendMessageBatch:
      return "SendMessageBatch";
    case Action::kDeleteMessageBatch:
      return "DeleteMessageBatch";
    case Action::kChangeMessageVisibilityBatch:
      return "ChangeMessageVisibilityBatch";
    case Action::kGetQueueUrl:
      return "GetQueueUrl";
    case Action::kGetQueueAttributes:
      return "GetQueueAttributes";
    case Action::kSetQueueAttributes:
      return "SetQueueAttributes";
    case Action::kCreateQueue:
      return "CreateQueue";
    case Action::kDeleteQueue:
      return "DeleteQueue";
    case Action::kListQueues:
      return "ListQueues";
    case Action::kListQueueTags:
      return "ListQueueTags";
    case Action::kTagQueue:
      return "TagQueue";
  }
  return "";
}

std::size_t CountedBytes(const std::string& body) {
  return IsPlainText(body) ? body.size() : (body.size() + 2) / 3 * 4;
}

std::string ReceiveRequest(const std::string& url, std::size_t count, std::chrono::seconds wait,
                           std::chrono::seconds visibility) {
  return R"({"QueueUrl":)" + json::Quote(url) + R"(,"MaxNumberOfMessages":)" + std::to_string(count) +
         R"(,"WaitTimeSeconds":)" + std::to_string(wait.count()) + R"(,"VisibilityTimeout":)" +
         std::to_string(visibility.count()) +
         R"(,"MessageSystemAttributeNames":["ApproximateReceiveCount","SentTimestamp"])"
         R"(,"MessageAttributeNames":["All"]})";
}

std::string SendEntry(const Parcel& parcel) {
  const bool plain = IsPlainText(parcel.body);
  // An empty base64 text is no body either: "=" stands for it.
  const std::string text = plain ? "" : parcel.body.empty() ? "=" : EncodeBase64(parcel.body);
  std::string entry = R"("MessageBody":)" + json::Quote(plain ? parcel.body : text);
  if (parcel.delay.count() > 0) entry += R"(,"DelaySeconds":)" + std::to_string(parcel.delay.count());
  std::string attributes;
  if (const std::string id = FittingId(parcel.message_id); !id.empty()) {
    AddAttribute(attributes, kIdAttribute, "String", id);
  }
  if (!plain) AddAttribute(attributes, kBytesAttribute, "String", "base64");
  if (parcel.due != WallTime{}) {
    AddAttribute(attributes, kDueAttribute, "Number", std::to_string(parcel.due.time_since_epoch().count()));
  }
  if (parcel.crashes > 0) AddAttribute(attributes, kCrashesAttribute, "Number", std::to_string(parcel.crashes));
  if (!attributes.empty()) entry += R"(,"MessageAttributes":{)" + attributes + "}";
  return entry;
}

std::string DeleteEntry(const std::string& receipt) { return R"("ReceiptHandle":)" + json::Quote(receipt); }

std::string VisibilityEntry(const std::string& receipt, std::chrono::seconds visibility) {
  return DeleteEntry(receipt) + R"(,"VisibilityTimeout":)" + std::to_string(visibility.count());
}

std::string BatchRequest(const std::string& url, const std::vector<std::string>& entries) {
  std::string text = R"({"QueueUrl":)" + json::Quote(url) + R"(,"Entries":[)";
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (i > 0) text += ',';
    text += R"({"Id":")" + std::to_string(i) + R"(",)" + entries[i] + "}";
  }
  return text + "]}";
}

std::string QueueUrlRequest(const std::string& name, const std::string& account) {
  json::Object request = {{"QueueName", name}};
  if (!account.empty()) request["QueueOwnerAWSAccountId"] = account;
  return json::Dump(request);
}

std::string OfQueueRequest(const std::string& url) { return json::Dump(json::Object{{"QueueUrl", url}}); }

std::string AttributesRequest(const std::string& url) {
  return json::Dump(json::Object{{"QueueUrl", url}, {"AttributeNames", json::Array{"All"}}});
}

std::string SetAttributesRequest(const std::string& url, const Texts& attributes) {
  return json::Dump(json::Object{{"QueueUrl", url}, {"Attributes", ObjectOf(attributes)}});
}

std::string TagRequest(const std::string& url, const Texts& tags) {
  return json::Dump(json::Object{{"QueueUrl", url}, {"Tags", ObjectOf(tags)}});
}

std::string CreateRequest(const std::string& name, const Texts& attributes, const Texts& tags) {
  // The small letter is SQS's own.
  return json::Dump(json::Object{{"QueueName", name}, {"Attributes", ObjectOf(attributes)}, {"tags", ObjectOf(tags)}});
}

std::string ListRequest(const std::string& prefix, const std::string& next_token) {
  json::Object request = {{"QueueNamePrefix", prefix}, {"MaxResults", kListPage}};
  if (!next_token.empty()) request["NextToken"] = next_token;
  return json::Dump(request);
}

}  // namespace asya::transports::sqs
