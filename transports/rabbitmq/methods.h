// Methods: the methods of AMQP 0-9-1 and RabbitMQ's extensions that we send and take, as bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "transports/rabbitmq/wire.h"

namespace asya::transports::rabbitmq {

constexpr std::uint16_t kBasicClass = 60;

// class * 65536 + method
enum class MethodId : std::uint32_t {
  kConnectionStart = (10U << 16U) | 10,
  kConnectionStartOk = (10U << 16U) | 11,
  kConnectionTune = (10U << 16U) | 30,
  kConnectionTuneOk = (10U << 16U) | 31,
  kConnectionOpen = (10U << 16U) | 40,
  kConnectionOpenOk = (10U << 16U) | 41,
  kConnectionClose = (10U << 16U) | 50,
  kConnectionCloseOk = (10U << 16U) | 51,
  kConnectionBlocked = (10U << 16U) | 60,
  kConnectionUnblocked = (10U << 16U) | 61,
  kChannelOpen = (20U << 16U) | 10,
  kChannelOpenOk = (20U << 16U) | 11,
  kChannelFlow = (20U << 16U) | 20,
  kChannelFlowOk = (20U << 16U) | 21,
  kChannelClose = (20U << 16U) | 40,
  kChannelCloseOk = (20U << 16U) | 41,
  kExchangeDeclare = (40U << 16U) | 10,
  kExchangeDeclareOk = (40U << 16U) | 11,
  kQueueDeclare = (50U << 16U) | 10,
  kQueueDeclareOk = (50U << 16U) | 11,
  kQueueBind = (50U << 16U) | 20,
  kQueueBindOk = (50U << 16U) | 21,
  kQueueDelete = (50U << 16U) | 40,
  kQueueDeleteOk = (50U << 16U) | 41,
  kQos = (60U << 16U) | 10,
  kQosOk = (60U << 16U) | 11,
  kConsume = (60U << 16U) | 20,
  kConsumeOk = (60U << 16U) | 21,
  kCancel = (60U << 16U) | 30,  // also sent by the broker
  kCancelOk = (60U << 16U) | 31,
  kPublish = (60U << 16U) | 40,
  kReturn = (60U << 16U) | 50,
  kDeliver = (60U << 16U) | 60,
  kAck = (60U << 16U) | 80,    // also sent by the broker
  kNack = (60U << 16U) | 120,  // also sent by the broker
  kConfirmSelect = (85U << 16U) | 10,
  kConfirmSelectOk = (85U << 16U) | 11,
};

// One method that came in; which fields mean something depends on the id.
struct Method {
  MethodId id{};
  std::uint16_t code = 0;      // connection.close, channel.close, return: the reply code
  std::string text;            // their reply text; connection.blocked: the reason; connection.start: the version
  std::string name;            // deliver, cancel(-ok), consume-ok: consumer tag; declare-ok: queue; return: routing key
  std::uint64_t tag = 0;       // deliver, ack, nack
  bool flag = false;           // deliver: redelivered; ack, nack: multiple; channel.flow: active
  std::uint32_t messages = 0;  // declare-ok, delete-ok
  std::uint32_t consumers = 0;    // declare-ok
  std::uint32_t frame_max = 0;    // tune
  std::uint16_t heartbeat_s = 0;  // tune
};

// Into a fresh one. kInvalid: malformed, or none that a broker may send us.
Status ReadMethod(std::string_view payload, Method& method);

inline constexpr std::string_view kVisibleAt = "x-asya-visible-at";     // microseconds since the epoch
inline constexpr std::string_view kLosses = "x-asya-crashes";           // deliveries lost before this copy was made
inline constexpr std::string_view kPardoned = "x-asya-pardoned";        // which of them were no deaths: a bit for each
inline constexpr std::string_view kHearings = "x-asya-hearings";        // how often it has waited for more pardons
inline constexpr std::string_view kDeliveryCount = "x-delivery-count";  // written by quorum queues

// The headers of a message that mean something to us; all others are read over.
struct Headers {
  std::optional<std::int64_t> visible_at_us;
  std::optional<std::int64_t> losses;
  std::optional<std::int64_t> pardoned;
  std::optional<std::int64_t> hearings;
  std::optional<std::int64_t> delivery_count;
};

// Properties of a message; only what we write or read.
struct Properties {
  Headers headers;
  bool persistent = true;
  std::string_view content_type;  // of a message to send; nobody reads it
  std::string correlation_id;
  std::string expiration;  // milliseconds as text
  std::string message_id;
  std::int64_t timestamp_s = 0;  // 0: none
};
void WriteProperties(std::string& out, const Properties& properties);
// Into fresh ones. kInvalid: malformed.
Status ReadProperties(std::string_view bytes, Properties& properties);

// The bytes of methods to send.
std::string StartOk(const Table& properties, std::string_view user, std::string_view password);
std::string TuneOk(std::uint16_t channels, std::uint32_t frame_max, std::uint16_t heartbeat_s);
std::string Open(std::string_view virtual_host);
std::string CloseConnection();
std::string OpenChannel();
std::string Plain(MethodId id);  // methods without fields: connection.close-ok, channel.close-ok
std::string FlowOk(bool active);
std::string DeclareExchange(std::string_view name, std::string_view type, const Table& arguments);
enum class Existing { kDeclare, kPassive };
std::string DeclareQueue(std::string_view name, Existing existing, const Table& arguments);
std::string DeclareOwnQueue(std::string_view name, const Table& arguments);  // gone with the connection
std::string BindQueue(std::string_view queue, std::string_view exchange, std::string_view key);
std::string DeleteQueue(std::string_view name);
std::string Qos(std::uint16_t prefetch);
enum class Acks { kWanted, kNone };
std::string Consume(std::string_view queue, std::string_view consumer_tag, Acks acks = Acks::kWanted);
std::string Cancel(std::string_view consumer_tag);
std::string Publish(std::string_view exchange, std::string_view key);  // always mandatory
std::string Ack(std::uint64_t tag, bool multiple);
std::string Nack(std::uint64_t tag);  // one, put back
std::string SelectConfirm();

}  // namespace asya::transports::rabbitmq
