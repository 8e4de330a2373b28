#include "transports/rabbitmq/methods.h"

namespace asya::transports::rabbitmq {
namespace {

constexpr std::uint16_t kHasContentType = 1U << 15U;
constexpr std::uint16_t kHasContentEncoding = 1U << 14U;
constexpr std::uint16_t kHasHeaders = 1U << 13U;
constexpr std::uint16_t kHasDeliveryMode = 1U << 12U;
constexpr std::uint16_t kHasPriority = 1U << 11U;
constexpr std::uint16_t kHasCorrelationId = 1U << 10U;
constexpr std::uint16_t kHasReplyTo = 1U << 9U;
constexpr std::uint16_t kHasExpiration = 1U << 8U;
constexpr std::uint16_t kHasMessageId = 1U << 7U;
constexpr std::uint16_t kHasTimestamp = 1U << 6U;

class Building {
 public:
  explicit Building(MethodId id) : writer_(bytes_) { writer_.U32(static_cast<std::uint32_t>(id)); }
  WireWriter& writer() { return writer_; }
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
  WireWriter writer_;
};

void ReadStart(WireReader& reader, Method& method) {
  reader.U16();  // of the protocol
  method.text = TextOf(reader.Fields(), "version");
}

void ReadTune(WireReader& reader, Method& method) {
  reader.U16();  // channels
  method.frame_max = reader.U32();
  method.heartbeat_s = reader.U16();
}

void ReadClose(WireReader& reader, Method& method) {
  method.code = reader.U16();
  method.text = reader.ShortString();
}

void ReadDeliver(WireReader& reader, Method& method) {
  method.name = reader.ShortString();
  method.tag = reader.U64();
  method.flag = reader.U8() != 0;
}

// Whether the id is one that a broker sends.
bool ReadFields(WireReader& reader, Method& method) {
  switch (method.id) {
    case MethodId::kConnectionStart:
      ReadStart(reader, method);
      return true;
    case MethodId::kConnectionTune:
      ReadTune(reader, method);
      return true;
    case MethodId::kConnectionClose:
    case MethodId::kChannelClose:
      ReadClose(reader, method);
      return true;
    case MethodId::kReturn:
      ReadClose(reader, method);
      reader.ShortString();  // exchange
      method.name = reader.ShortString();
      return true;
    case MethodId::kConnectionBlocked:
      method.text = reader.ShortString();
      return true;
    case MethodId::kChannelFlow:
      method.flag = reader.U8() != 0;
      return true;
    case MethodId::kQueueDeclareOk:
      method.name = reader.ShortString();
      method.messages = reader.U32();
      method.consumers = reader.U32();
      return true;
    case MethodId::kQueueDeleteOk:
      method.messages = reader.U32();
      return true;
    case MethodId::kConsumeOk:
    case MethodId::kCancel:
    case MethodId::kCancelOk:
      method.name = reader.ShortString();
      return true;
    case MethodId::kDeliver:
      ReadDeliver(reader, method);
      return true;
    case MethodId::kAck:
    case MethodId::kNack:
      method.tag = reader.U64();
      method.flag = (reader.U8() & 1U) != 0;
      return true;
    case MethodId::kConnectionOpenOk:
    case MethodId::kConnectionCloseOk:
    case MethodId::kConnectionUnblocked:
    case MethodId::kChannelOpenOk:
    case MethodId::kChannelCloseOk:
    case MethodId::kExchangeDeclareOk:
    case MethodId::kQueueBindOk:
    case MethodId::kQosOk:
    case MethodId::kConfirmSelectOk:
      return true;
    default:
      return false;
  }
}

Headers ReadHeaders(WireReader& reader) {
  Headers headers;
  reader.EachField([&headers](std::string_view name, const TableValue& value) {
    const auto* number = std::get_if<std::int64_t>(&value.value);
    if (number == nullptr) return;
    if (name == kVisibleAt) headers.visible_at_us = *number;
    if (name == kLosses) headers.losses = *number;
    if (name == kPardoned) headers.pardoned = *number;
    if (name == kHearings) headers.hearings = *number;
    if (name == kDeliveryCount) headers.delivery_count = *number;
  });
  return headers;
}

void WriteHeaders(std::string& out, const Headers& headers) {
  WireWriter writer(out);
  const std::size_t start = writer.BeginFields();
  if (headers.visible_at_us) writer.NumberField(kVisibleAt, *headers.visible_at_us);
  if (headers.losses) writer.NumberField(kLosses, *headers.losses);
  if (headers.pardoned) writer.NumberField(kPardoned, *headers.pardoned);
  if (headers.hearings) writer.NumberField(kHearings, *headers.hearings);
  if (headers.delivery_count) writer.NumberField(kDeliveryCount, *headers.delivery_count);
  writer.EndFields(start);
}

bool HasAny(const Headers& headers) {
  return headers.visible_at_us || headers.losses || headers.pardoned || headers.hearings || headers.delivery_count;
}

}  // namespace

Status ReadMethod(std::string_view payload, Method& method) {
  WireReader reader(payload);
  method.id = static_cast<MethodId>(reader.U32());
  if (!reader.ok() || !ReadFields(reader, method)) {
    return Invalid("", "an unknown method " + std::to_string(static_cast<std::uint32_t>(method.id)));
  }
  if (!reader.ok()) {
    return Invalid("", "a malformed method " + std::to_string(static_cast<std::uint32_t>(method.id)));
  }
  return Ok();
}

void WriteProperties(std::string& out, const Properties& properties) {
  std::uint16_t flags = kHasDeliveryMode;
  if (!properties.content_type.empty()) flags |= kHasContentType;
  if (HasAny(properties.headers)) flags |= kHasHeaders;
  if (!properties.correlation_id.empty()) flags |= kHasCorrelationId;
  if (!properties.expiration.empty()) flags |= kHasExpiration;
  if (!properties.message_id.empty()) flags |= kHasMessageId;
  if (properties.timestamp_s != 0) flags |= kHasTimestamp;
  WireWriter writer(out);
  writer.U16(flags);
  if ((flags & kHasContentType) != 0) writer.ShortString(properties.content_type);
  if ((flags & kHasHeaders) != 0) WriteHeaders(out, properties.headers);
  writer.U8(properties.persistent ? 2 : 1);
  if ((flags & kHasCorrelationId) != 0) writer.ShortString(properties.correlation_id);
  if ((flags & kHasExpiration) != 0) writer.ShortString(properties.expiration);
  if ((flags & kHasMessageId) != 0) writer.ShortString(properties.message_id);
  if ((flags & kHasTimestamp) != 0) writer.U64(static_cast<std::uint64_t>(properties.timestamp_s));
}

Status ReadProperties(std::string_view bytes, Properties& properties) {
  WireReader reader(bytes);
  const std::uint16_t flags = reader.U16();
  if ((flags & 1U) != 0) return Invalid("", "more than fifteen properties");
  if ((flags & kHasContentType) != 0) reader.ShortString();
  if ((flags & kHasContentEncoding) != 0) reader.ShortString();
  if ((flags & kHasHeaders) != 0) properties.headers = ReadHeaders(reader);
  if ((flags & kHasDeliveryMode) != 0) properties.persistent = reader.U8() == 2;
  if ((flags & kHasPriority) != 0) reader.U8();
  if ((flags & kHasCorrelationId) != 0) properties.correlation_id = reader.ShortString();
  if ((flags & kHasReplyTo) != 0) reader.ShortString();
  if ((flags & kHasExpiration) != 0) properties.expiration = reader.ShortString();
  if ((flags & kHasMessageId) != 0) properties.message_id = reader.ShortString();
  if ((flags & kHasTimestamp) != 0) properties.timestamp_s = static_cast<std::int64_t>(reader.U64());
  // type, user-id, app-id and cluster-id may follow
  return reader.ok() ? Ok() : Status(Invalid("", "malformed properties"));
}

std::string StartOk(const Table& properties, std::string_view user, std::string_view password) {
  std::string response;
  response += '\0';
  response += user;
  response += '\0';
  response += password;
  Building method(MethodId::kConnectionStartOk);
  method.writer().Fields(properties).ShortString("PLAIN").LongString(response).ShortString("en_US");
  return method.Take();
}

std::string TuneOk(std::uint16_t channels, std::uint32_t frame_max, std::uint16_t heartbeat_s) {
  Building method(MethodId::kConnectionTuneOk);
  method.writer().U16(channels).U32(frame_max).U16(heartbeat_s);
  return method.Take();
}

std::string Open(std::string_view virtual_host) {
  Building method(MethodId::kConnectionOpen);
  method.writer().ShortString(virtual_host).ShortString("").U8(0);
  return method.Take();
}

std::string CloseConnection() {
  constexpr std::uint16_t kReplySuccess = 200;
  Building method(MethodId::kConnectionClose);
  method.writer().U16(kReplySuccess).ShortString("done").U16(0).U16(0);
  return method.Take();
}

std::string OpenChannel() {
  Building method(MethodId::kChannelOpen);
  method.writer().ShortString("");
  return method.Take();
}

std::string Plain(MethodId id) { return Building(id).Take(); }

std::string FlowOk(bool active) {
  Building method(MethodId::kChannelFlowOk);
  method.writer().U8(active ? 1 : 0);
  return method.Take();
}

std::string DeclareExchange(std::string_view name, std::string_view type, const Table& arguments) {
  constexpr std::uint8_t kDurable = 2;
  Building method(MethodId::kExchangeDeclare);
  method.writer().U16(0).ShortString(name).ShortString(type).U8(kDurable).Fields(arguments);
  return method.Take();
}

std::string DeclareQueue(std::string_view name, Existing existing, const Table& arguments) {
  constexpr std::uint8_t kPassive = 1;
  constexpr std::uint8_t kDurable = 2;
  Building method(MethodId::kQueueDeclare);
  method.writer().U16(0).ShortString(name).U8(existing == Existing::kPassive ? kPassive : kDurable).Fields(arguments);
  return method.Take();
}

std::string DeclareOwnQueue(std::string_view name, const Table& arguments) {
  constexpr std::uint8_t kExclusive = 4;
  constexpr std::uint8_t kAutoDelete = 8;
  Building method(MethodId::kQueueDeclare);
  method.writer().U16(0).ShortString(name).U8(kExclusive | kAutoDelete).Fields(arguments);
  return method.Take();
}

std::string BindQueue(std::string_view queue, std::string_view exchange, std::string_view key) {
  Building method(MethodId::kQueueBind);
  method.writer().U16(0).ShortString(queue).ShortString(exchange).ShortString(key).U8(0).Fields({});
  return method.Take();
}

std::string DeleteQueue(std::string_view name) {
  Building method(MethodId::kQueueDelete);
  method.writer().U16(0).ShortString(name).U8(0);
  return method.Take();
}

std::string Qos(std::uint16_t prefetch) {
  Building method(MethodId::kQos);
  method.writer().U32(0).U16(prefetch).U8(0);
  return method.Take();
}

std::string Consume(std::string_view queue, std::string_view consumer_tag, Acks acks) {
  constexpr std::uint8_t kNoAck = 2;
  Building method(MethodId::kConsume);
  method.writer().U16(0).ShortString(queue).ShortString(consumer_tag).U8(acks == Acks::kNone ? kNoAck : 0).Fields({});
  return method.Take();
}

std::string Cancel(std::string_view consumer_tag) {
  Building method(MethodId::kCancel);
  method.writer().ShortString(consumer_tag).U8(0);
  return method.Take();
}

std::string Publish(std::string_view exchange, std::string_view key) {
  constexpr std::uint8_t kMandatory = 1;
  Building method(MethodId::kPublish);
  method.writer().U16(0).ShortString(exchange).ShortString(key).U8(kMandatory);
  return method.Take();
}

std::string Ack(std::uint64_t tag, bool multiple) {
  Building method(MethodId::kAck);
  method.writer().U64(tag).U8(multiple ? 1 : 0);
  return method.Take();
}

std::string Nack(std::uint64_t tag) {
  constexpr std::uint8_t kRequeue = 2;
  Building method(MethodId::kNack);
  method.writer().U64(tag).U8(kRequeue);
  return method.Take();
}

std::string SelectConfirm() {
  Building method(MethodId::kConfirmSelect);
  method.writer().U8(0);
  return method.Take();
}

}  // namespace asya::transports::rabbitmq
