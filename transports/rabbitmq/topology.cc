#include "transports/rabbitmq/topology.h"

#include <algorithm>

namespace asya::transports::rabbitmq {
namespace {

constexpr int kUnlimitedDeliveriesFrom = 400;  // before 4.0 there is no limit, and -1 is refused

TableValue Text(const char* text) { return {std::string(text)}; }

// Handed on only once the target has it, and kept as long: needs a quorum queue that refuses rather than drops.
Table SafeDeadLetters(const char* exchange) {
  return {{"x-queue-type", Text("quorum")},
          {"x-dead-letter-exchange", Text(exchange)},
          {"x-dead-letter-strategy", Text("at-least-once")},
          {"x-overflow", Text("reject-publish")}};
}

}  // namespace

std::vector<std::string> DeclareShared() {
  return {DeclareExchange(kLost, "fanout", {}),
          DeclareQueue(kLost, Existing::kDeclare, {{"x-queue-type", Text("quorum")}}), BindQueue(kLost, kLost, ""),
          DeclareExchange(kDueExchange, "direct", {{"alternate-exchange", Text(kLost)}})};
}

std::vector<std::string> DeclarePardons(const std::string& own_queue, const std::string& actor_queue,
                                        std::int64_t messages_max) {
  return {DeclareExchange(kPardonExchange, "direct", {}),
          DeclareOwnQueue(own_queue, {{"x-queue-type", Text("classic")}, {"x-max-length", {messages_max}}}),
          BindQueue(own_queue, kPardonExchange, actor_queue)};
}

std::string DeclareBegun(const std::string& name, std::chrono::milliseconds kept_for) {
  return DeclareQueue(name, Existing::kDeclare,
                      {{"x-queue-type", Text("classic")}, {"x-expires", {std::int64_t{kept_for.count()}}}});
}

Table QueueArguments(QueueType type, const std::string& owner_uid, int broker_version) {
  Table arguments = {{"x-queue-type", Text(type == QueueType::kQuorum ? "quorum" : "classic")},
                     {"x-dead-letter-exchange", Text(kLost)},
                     {"x-dead-letter-routing-key", {owner_uid}}};
  if (type == QueueType::kQuorum && broker_version >= kUnlimitedDeliveriesFrom) {
    arguments["x-delivery-limit"] = {std::int64_t{-1}};
  }
  return arguments;
}

DelayStep StepFor(std::chrono::milliseconds delay) {
  constexpr std::int64_t kFirstMs = 50;
  constexpr std::int64_t kHalfOctavePercent = 141;
  const std::int64_t wanted = std::min(delay, kLongestDelay).count();
  std::int64_t whole = kFirstMs;
  std::int64_t step = whole;
  while (step < wanted) {
    const std::int64_t half = whole * kHalfOctavePercent / 100;
    if (step == whole) {
      step = half;
    } else {
      whole *= 2;
      step = whole;
    }
  }
  return {std::chrono::milliseconds(step), "asya.delay." + std::to_string(step)};
}

std::vector<std::string> DeclareStep(const DelayStep& step) {
  Table arguments = SafeDeadLetters(kDueExchange);
  arguments["x-message-ttl"] = {std::int64_t{step.time.count()}};
  return {DeclareExchange(step.name, "fanout", {}), DeclareQueue(step.name, Existing::kDeclare, arguments),
          BindQueue(step.name, step.name, "")};
}

}  // namespace asya::transports::rabbitmq
