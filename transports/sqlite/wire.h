// Wire: the frames between the broker and its clients, with a bound on every field.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "ports/message_queue.h"

namespace asya::transports::sqlite {

// A frame is: u32 length of what follows, u8 type, fields. Integers are little endian; bytes are u32 length and
// content.
constexpr std::uint8_t kProtocolVersion = 2;
constexpr std::size_t kFrameHeaderBytes = 4;
constexpr std::size_t kFrameBytesMax = 32 * 1024 * 1024;
constexpr std::size_t kQueueNameBytesMax = 255;
constexpr std::size_t kMessageIdBytesMax = 255;
constexpr std::size_t kTextBytesMax = 1024;                     // of an error
constexpr std::size_t kPublishesMax = 65'536;                   // of one settlement
constexpr std::size_t kSettleBytesMax = kFrameBytesMax - 1024;  // all bodies and names of one settlement

// A client puts the number of its connection above these bits of a tag, so that tags of different connections differ.
constexpr int kWireTagBits = 40;
constexpr std::uint64_t kWireTagMask = (std::uint64_t{1} << kWireTagBits) - 1;

enum class FrameType : std::uint8_t {
  kHello = 1,   // u8 version, bytes queue
  kGrant = 2,   // u32 count
  kRevoke = 3,  //
  kBegin = 4,   // u64 tag, i64 crash count
  // u64 tag, u8 action, i64 delay in microseconds, i64 crash count, bytes retry body, u32 count, count x (bytes queue,
  // id, body)
  kSettle = 5,
  kPing = 6,       //
  kWelcome = 65,   // u8 version, u32 lease in milliseconds, u32 message limit in bytes
  kWaiting = 66,   // bytes reason: the queue does not exist (any more); leases and credits are void
  kRefused = 67,   // bytes reason; the broker closes
  kDelivery = 68,  // u64 tag, i64 crash count, i64 enqueued at in microseconds since the epoch, bytes body
  kSettled = 69,   // u64 tag, u8 0 or error code + 1, bytes field, bytes message
  kPong = 70,      //
};

// Appends one frame to a buffer; the length is filled in when it ends.
class FrameWriter {
 public:
  FrameWriter(std::string& out, FrameType type);
  ~FrameWriter();
  FrameWriter(const FrameWriter&) = delete;
  FrameWriter& operator=(const FrameWriter&) = delete;
  FrameWriter& U8(std::uint8_t value);
  FrameWriter& U32(std::uint32_t value);
  FrameWriter& U64(std::uint64_t value);
  FrameWriter& I64(std::int64_t value) { return U64(static_cast<std::uint64_t>(value)); }
  FrameWriter& Bytes(std::string_view bytes);

 private:
  std::string& out_;
  std::size_t start_;
};

// Reads the fields of one frame. A field that is missing or over its bound makes the reader bad; later reads give zero
// values.
class FrameReader {
 public:
  explicit FrameReader(std::string_view content) : rest_(content) {}
  std::uint8_t U8();
  std::uint32_t U32();
  std::uint64_t U64();
  std::int64_t I64() { return static_cast<std::int64_t>(U64()); }
  // The view lives as long as the frame.
  std::string_view Bytes(std::size_t limit);
  // Every field was there and nothing is left.
  [[nodiscard]] bool Whole() const { return good_ && rest_.empty(); }
  [[nodiscard]] bool good() const { return good_; }

 private:
  std::string_view Next(std::size_t count);

  std::string_view rest_;
  bool good_ = true;
};

void WriteSettle(std::string& out, std::uint64_t tag, const ports::Settlement& settlement);
// `tag` as the broker gave it. kInvalid: the frame breaks a rule.
Result<ports::Settlement> ReadSettle(std::string_view content, std::size_t message_limit_bytes);

void WriteSettled(std::string& out, std::uint64_t tag, const Status& status);
struct Settled {
  std::uint64_t tag = 0;
  Status status = Ok();
};
Result<Settled> ReadSettled(std::string_view content);

// Whether a settlement fits: each body within the message limit, the whole within one frame. kTooLarge, kInvalid.
Status CheckSize(const ports::Settlement& settlement, std::size_t message_limit_bytes);
Status CheckSize(const ports::Outgoing& message, std::size_t message_limit_bytes);
Status CheckSize(const std::string& queue, std::size_t body_bytes, std::size_t message_limit_bytes);

}  // namespace asya::transports::sqlite
