#include "transports/rabbitmq/frames.h"

#include <algorithm>
#include <utility>

namespace asya::transports::rabbitmq {
namespace {

constexpr char kFrameEnd = static_cast<char>(0xce);
constexpr std::size_t kHeadBytes = 7;
constexpr std::size_t kChannelsMax = 16;
constexpr std::size_t kReservedBodyBytes = 1U << 20U;  // before that much has come, nothing is believed about the rest

// A frame is written in place: its head, its payload, and what was not known before. The beginning gives what the end
// needs.
std::size_t BeginFrame(std::string& out, FrameType type, std::uint16_t channel, std::size_t size = 0) {
  WireWriter(out).U8(static_cast<std::uint8_t>(type)).U16(channel).U32(static_cast<std::uint32_t>(size));
  return out.size();
}

void EndFrame(std::string& out, std::size_t begin) {
  WireWriter(out).SetU32(begin - sizeof(std::uint32_t), static_cast<std::uint32_t>(out.size() - begin));
  out += kFrameEnd;
}

void AppendFrame(std::string& out, FrameType type, std::uint16_t channel, std::string_view payload) {
  BeginFrame(out, type, channel, payload.size());
  out += payload;
  out += kFrameEnd;
}

bool HasContent(MethodId id) { return id == MethodId::kDeliver || id == MethodId::kReturn; }

}  // namespace

Result<std::optional<Frame>> TakeFrame(std::string_view& bytes, std::size_t frame_bytes_max) {
  if (bytes.size() < kHeadBytes) return std::optional<Frame>();
  WireReader reader(bytes);
  const std::uint8_t type = reader.U8();
  const std::uint16_t channel = reader.U16();
  const std::size_t size = reader.U32();
  const bool known = type == 1 || type == 2 || type == 3 || type == 8;
  if (!known) return Invalid("", "a frame of unknown type " + std::to_string(type));
  if (size + kFrameOverheadBytes > std::max(frame_bytes_max, std::size_t{4096})) {
    return Invalid("", "a frame of " + std::to_string(size) + " bytes");
  }
  if (bytes.size() < kHeadBytes + size + 1) return std::optional<Frame>();
  if (bytes[kHeadBytes + size] != kFrameEnd) return Invalid("", "a frame without its end");
  const Frame frame{static_cast<FrameType>(type), channel, bytes.substr(kHeadBytes, size)};
  bytes.remove_prefix(kHeadBytes + size + 1);
  return std::optional<Frame>(frame);
}

void AppendMethod(std::string& out, std::uint16_t channel, std::string_view method) {
  AppendFrame(out, FrameType::kMethod, channel, method);
}

void AppendHeartbeat(std::string& out) { AppendFrame(out, FrameType::kHeartbeat, 0, {}); }

void AppendContent(std::string& out, std::uint16_t channel, const Properties& properties, std::string_view body,
                   std::size_t frame_bytes_max) {
  const std::size_t header = BeginFrame(out, FrameType::kHeader, channel);
  WireWriter(out).U16(kBasicClass).U16(0).U64(body.size());
  WriteProperties(out, properties);
  EndFrame(out, header);
  const std::size_t piece = frame_bytes_max - kFrameOverheadBytes;
  for (std::size_t at = 0; at < body.size(); at += piece) {
    AppendFrame(out, FrameType::kBody, channel, body.substr(at, piece));
  }
}

Status Assembler::Take(const Frame& frame, const TakeArrival& take) {
  if (frame.type == FrameType::kHeartbeat) return Ok();
  if (frame.type == FrameType::kMethod) return TakeMethod(frame, take);
  const auto found = unfinished_.find(frame.channel);
  if (found == unfinished_.end()) return Invalid("", "a content without a method");
  Unfinished& unfinished = found->second;
  if (frame.type == FrameType::kHeader) {
    ASYA_TRY_STATUS(TakeHeader(unfinished, frame.payload));
  } else {
    ASYA_TRY_STATUS(TakeBody(unfinished, frame.payload));
  }
  if (unfinished.arrival.body.size() < unfinished.body_bytes) return Ok();
  Give(found, take);
  return Ok();
}

// The next frame of its channel begins anew.
void Assembler::Give(std::map<std::uint16_t, Unfinished>::iterator whole, const TakeArrival& take) {
  take(std::move(whole->second.arrival));
  unfinished_.erase(whole);
}

Status Assembler::TakeMethod(const Frame& frame, const TakeArrival& take) {
  const auto [place, is_new] = unfinished_.try_emplace(frame.channel);
  if (!is_new) return Invalid("", "a method in the middle of a content");
  if (unfinished_.size() > kChannelsMax) return Invalid("", "contents on too many channels");
  Arrival& arrival = place->second.arrival;
  arrival.channel = frame.channel;
  ASYA_TRY_STATUS(ReadMethod(frame.payload, arrival.method));
  if (!HasContent(arrival.method.id)) Give(place, take);
  return Ok();
}

Status Assembler::TakeBody(Unfinished& unfinished, std::string_view payload) {
  if (!unfinished.has_header) return Invalid("", "a body before its header");
  if (unfinished.arrival.body.size() + payload.size() > unfinished.body_bytes) {
    return Invalid("", "a body longer than announced");
  }
  unfinished.arrival.body += payload;
  return Ok();
}

Status Assembler::TakeHeader(Unfinished& unfinished, std::string_view payload) {
  if (unfinished.has_header) return Invalid("", "two headers of one content");
  WireReader reader(payload);
  const std::uint16_t class_id = reader.U16();
  reader.U16();  // weight: unused
  unfinished.body_bytes = reader.U64();
  if (!reader.ok() || class_id != kBasicClass) return Invalid("", "a malformed content header");
  if (unfinished.body_bytes > kContentBytesMax) {
    return Invalid("", "a message of " + std::to_string(unfinished.body_bytes) + " bytes");
  }
  ASYA_TRY_STATUS(ReadProperties(reader.rest(), unfinished.arrival.properties));
  unfinished.has_header = true;
  unfinished.arrival.body.reserve(std::min<std::size_t>(unfinished.body_bytes, kReservedBodyBytes));
  return Ok();
}

}  // namespace asya::transports::rabbitmq
