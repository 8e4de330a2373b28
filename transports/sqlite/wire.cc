#include "transports/sqlite/wire.h"

#include <utility>

namespace asya::transports::sqlite {
namespace {

constexpr std::size_t kFieldOverheadBytes = 12;  // three lengths of one publish

void AppendLittle(std::string& out, std::uint64_t value, std::size_t bytes) {
  char raw[8];
  for (std::size_t i = 0; i < bytes; ++i) raw[i] = static_cast<char>(value >> (8 * i));
  out.append(raw, bytes);
}

std::uint64_t Little(std::string_view raw) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < raw.size(); ++i) value |= std::uint64_t{static_cast<unsigned char>(raw[i])} << (8 * i);
  return value;
}

Error Malformed(const char* frame) { return Invalid("", std::string("malformed frame: ") + frame); }

}  // namespace

FrameWriter::FrameWriter(std::string& out, FrameType type) : out_(out), start_(out.size()) {
  AppendLittle(out_, 0, kFrameHeaderBytes);
  U8(static_cast<std::uint8_t>(type));
}

FrameWriter::~FrameWriter() {
  const std::size_t length = out_.size() - start_ - kFrameHeaderBytes;
  for (std::size_t i = 0; i < kFrameHeaderBytes; ++i) out_[start_ + i] = static_cast<char>(length >> (8 * i));
}

FrameWriter& FrameWriter::U8(std::uint8_t value) {
  out_ += static_cast<char>(value);
  return *this;
}
FrameWriter& FrameWriter::U32(std::uint32_t value) {
  AppendLittle(out_, value, 4);
  return *this;
}
FrameWriter& FrameWriter::U64(std::uint64_t value) {
  AppendLittle(out_, value, 8);
  return *this;
}
FrameWriter& FrameWriter::Bytes(std::string_view bytes) {
  U32(static_cast<std::uint32_t>(bytes.size()));
  out_.append(bytes);
  return *this;
}

std::string_view FrameReader::Next(std::size_t count) {
  if (!good_ || rest_.size() < count) {
    good_ = false;
    return {};
  }
  const std::string_view taken = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return taken;
}

std::uint8_t FrameReader::U8() { return static_cast<std::uint8_t>(Little(Next(1))); }
std::uint32_t FrameReader::U32() { return static_cast<std::uint32_t>(Little(Next(4))); }
std::uint64_t FrameReader::U64() { return Little(Next(8)); }

std::string_view FrameReader::Bytes(std::size_t limit) {
  const std::size_t count = U32();
  if (count > limit) good_ = false;
  return Next(count);
}

void WriteSettle(std::string& out, std::uint64_t tag, const ports::Settlement& settlement) {
  FrameWriter frame(out, FrameType::kSettle);
  frame.U64(tag).U8(static_cast<std::uint8_t>(settlement.action)).I64(settlement.retry_delay.count());
  frame.I64(settlement.crash_count);
  frame.Bytes(settlement.retry_body).U32(static_cast<std::uint32_t>(settlement.publish.size()));
  for (const auto& message : settlement.publish) {
    frame.Bytes(message.queue).Bytes(message.message_id).Bytes(message.body);
  }
}

Result<ports::Settlement> ReadSettle(std::string_view content, std::size_t message_limit_bytes) {
  using Action = ports::Settlement::Action;
  FrameReader frame(content);
  ports::Settlement settlement;
  settlement.tag = ports::DeliveryTag(frame.U64());
  const std::uint8_t action = frame.U8();
  settlement.action = static_cast<Action>(action);
  settlement.retry_delay = std::chrono::microseconds(frame.I64());
  settlement.crash_count = frame.I64();
  settlement.retry_body = frame.Bytes(message_limit_bytes);
  const std::size_t count = frame.U32();
  if (!frame.good() || count > kPublishesMax || settlement.retry_delay.count() < 0 || settlement.crash_count < 0 ||
      action > static_cast<std::uint8_t>(Action::kGiveBack)) {
    return Malformed("settle");
  }
  // Not reserved by the count, which the peer chose: the fields have to be there first.
  for (std::size_t i = 0; i < count && frame.good(); ++i) {
    ports::Outgoing message;
    message.queue = frame.Bytes(kQueueNameBytesMax);
    message.message_id = frame.Bytes(kMessageIdBytesMax);
    message.body = frame.Bytes(message_limit_bytes);
    settlement.publish.push_back(std::move(message));
  }
  if (!frame.Whole()) return Malformed("settle");
  return settlement;
}

void WriteSettled(std::string& out, std::uint64_t tag, const Status& status) {
  FrameWriter frame(out, FrameType::kSettled);
  frame.U64(tag);
  if (status.ok()) {
    frame.U8(0).Bytes("").Bytes("");
    return;
  }
  const Error& error = status.error();
  frame.U8(static_cast<std::uint8_t>(static_cast<int>(error.code) + 1));
  frame.Bytes(std::string_view(error.field).substr(0, kTextBytesMax));
  frame.Bytes(std::string_view(error.message).substr(0, kTextBytesMax));
}

Result<Settled> ReadSettled(std::string_view content) {
  FrameReader frame(content);
  Settled settled;
  settled.tag = frame.U64();
  const int code = frame.U8();
  const std::string_view field = frame.Bytes(kTextBytesMax);
  const std::string_view message = frame.Bytes(kTextBytesMax);
  if (!frame.Whole() || code > static_cast<int>(ErrorCode::kInternal) + 1) return Malformed("settled");
  if (code != 0) settled.status = Error{static_cast<ErrorCode>(code - 1), std::string(message), std::string(field)};
  return settled;
}

Status CheckSize(const std::string& queue, std::size_t body_bytes, std::size_t message_limit_bytes) {
  if (queue.size() > kQueueNameBytesMax) {
    return Error{ErrorCode::kUnroutable, "a queue name is longer than 255 bytes", queue.substr(0, kQueueNameBytesMax)};
  }
  if (body_bytes > message_limit_bytes) {
    return Fail(ErrorCode::kTooLarge, "a message for " + queue + " has " + std::to_string(body_bytes) +
                                          " bytes; the limit is " + std::to_string(message_limit_bytes));
  }
  return Ok();
}

Status CheckSize(const ports::Outgoing& message, std::size_t message_limit_bytes) {
  ASYA_TRY_STATUS(CheckSize(message.queue, message.body.size(), message_limit_bytes));
  if (message.message_id.size() > kMessageIdBytesMax) return Invalid("message_id", "is longer than 255 bytes");
  return Ok();
}

Status CheckSize(const ports::Settlement& settlement, std::size_t message_limit_bytes) {
  if (settlement.retry_body.size() > message_limit_bytes) {
    return Fail(ErrorCode::kTooLarge, "the message to retry has " + std::to_string(settlement.retry_body.size()) +
                                          " bytes; the limit is " + std::to_string(message_limit_bytes));
  }
  std::size_t total = settlement.retry_body.size();
  for (const auto& message : settlement.publish) {
    ASYA_TRY_STATUS(CheckSize(message, message_limit_bytes));
    total += message.queue.size() + message.message_id.size() + message.body.size() + kFieldOverheadBytes;
  }
  if (total > kSettleBytesMax || settlement.publish.size() > kPublishesMax) {
    return Fail(ErrorCode::kTooLarge, "the " + std::to_string(settlement.publish.size()) +
                                          " messages of one settlement have " + std::to_string(total) +
                                          " bytes; the limit is " + std::to_string(kSettleBytesMax) + " bytes and " +
                                          std::to_string(kPublishesMax) + " messages");
  }
  return Ok();
}

}  // namespace asya::transports::sqlite
