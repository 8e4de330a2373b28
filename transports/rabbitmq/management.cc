#include "transports/rabbitmq/management.h"

#include <chrono>
#include <utility>

#include "core/base/percent.h"
#include "core/json/parse.h"
#include "core/json/value.h"
#include "transports/rabbitmq/topology.h"

namespace asya::transports::rabbitmq {
namespace {

constexpr std::chrono::milliseconds kCallLimit{5000};
constexpr std::string_view kScheme = "://";

std::int64_t IntAt(const json::Value& value, std::initializer_list<std::string_view> path) {
  const json::Value* found = value.FindPath(path);
  return found != nullptr && found->IsInt() ? found->AsInt() : 0;
}

Management::QueueNumbers NumbersIn(const json::Value& queue) {
  Management::QueueNumbers numbers;
  numbers.unacknowledged = IntAt(queue, {"messages_unacknowledged"});
  numbers.published = IntAt(queue, {"message_stats", "publish"});
  numbers.acknowledged = IntAt(queue, {"message_stats", "ack"});
  return numbers;
}

}  // namespace

Management::Management(const std::string& url, const BrokerAddress& address)
    : base_(url), ca_pem_(address.ca_pem), virtual_host_(PercentEncoded(address.virtual_host)) {
  while (!base_.empty() && base_.back() == '/') base_.pop_back();
  const std::size_t scheme = base_.find(kScheme);
  const std::string who = PercentEncoded(address.user) + ":" + PercentEncoded(address.password) + "@";
  if (scheme != std::string::npos) base_.insert(scheme + kScheme.size(), who);
}

Result<std::string> Management::Get(const std::string& path) {
  http::ClientRequest request;
  request.url = base_ + path;
  request.deadline = kCallLimit;
  request.ca_pem = ca_pem_;
  const auto answer = client_.Call(request);
  // The error of the client may repeat the URL, which holds the password.
  if (!answer.ok()) return Fail(answer.error().code, "the management API of RabbitMQ cannot be reached");
  constexpr int kOk = 200;
  constexpr int kNotFound = 404;
  if (answer->status == kNotFound) return Fail(ErrorCode::kNotFound, "the management API knows no such queue");
  if (answer->status != kOk) {
    return Fail(ErrorCode::kUnavailable,
                "the management API of RabbitMQ answered with status " + std::to_string(answer->status));
  }
  return answer->body;
}

Result<Management::QueueNumbers> Management::Numbers(const std::string& queue) {
  ASYA_TRY(const std::string body, Get("/api/queues/" + virtual_host_ + "/" + PercentEncoded(queue)));
  ASYA_TRY(const json::Value value, json::Parse(body));
  return NumbersIn(value);
}

Result<std::map<std::string, Management::QueueNumbers>> Management::AllNumbers() {
  constexpr const char* kColumns = "?columns=name,messages_unacknowledged,message_stats.publish,message_stats.ack";
  ASYA_TRY(const std::string body, Get("/api/queues/" + virtual_host_ + kColumns));
  ASYA_TRY(const json::Value value, json::Parse(body));
  std::map<std::string, QueueNumbers> numbers;
  if (!value.IsArray()) return numbers;
  for (const json::Value& queue : value.AsArray()) {
    if (const auto name = queue.GetString("name")) numbers[*name] = NumbersIn(queue);
  }
  return numbers;
}

Result<std::vector<std::string>> Management::OurQueues() {
  ASYA_TRY(const std::string body, Get("/api/queues/" + virtual_host_ + "?columns=name,arguments"));
  ASYA_TRY(const json::Value value, json::Parse(body));
  std::vector<std::string> names;
  if (!value.IsArray()) return names;
  for (const json::Value& queue : value.AsArray()) {
    const json::Value* letters = queue.FindPath({"arguments", "x-dead-letter-exchange"});
    const auto name = queue.GetString("name");
    if (name && letters != nullptr && *letters == json::Value(kLost)) names.push_back(*name);
  }
  return names;
}

}  // namespace asya::transports::rabbitmq
