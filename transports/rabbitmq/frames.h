// Frames: AMQP's frames (specification 2.3) cut out of a stream of bytes, and messages put together from them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "transports/rabbitmq/methods.h"

namespace asya::transports::rabbitmq {

constexpr std::size_t kFrameBytesMax = std::size_t{128} * 1024;  // what we propose; the broker may want less
constexpr std::size_t kFrameOverheadBytes = 8;                   // type, channel, size, end
constexpr std::uint64_t kContentBytesMax = 128U << 20U;          // of a message that comes in; more ends the connection

enum class FrameType : std::uint8_t { kMethod = 1, kHeader = 2, kBody = 3, kHeartbeat = 8 };

struct Frame {
  FrameType type = FrameType::kHeartbeat;
  std::uint16_t channel = 0;
  std::string_view payload;
};

// The next frame of `bytes`, taken off its front; nullopt while it is not whole. kInvalid: no frame begins here.
Result<std::optional<Frame>> TakeFrame(std::string_view& bytes, std::size_t frame_bytes_max);

void AppendMethod(std::string& out, std::uint16_t channel, std::string_view method);
void AppendHeartbeat(std::string& out);
// Header and body frames that follow a basic.publish.
void AppendContent(std::string& out, std::uint16_t channel, const Properties& properties, std::string_view body,
                   std::size_t frame_bytes_max);

// A method, with its content where it has one.
struct Arrival {
  std::uint16_t channel = 0;
  Method method;
  Properties properties;
  std::string body;
};

using TakeArrival = std::function<void(Arrival&&)>;

// Puts methods and contents together, per channel.
class Assembler {
 public:
  // kInvalid: the peer breaks the protocol. `take` gets each whole arrival.
  Status Take(const Frame& frame, const TakeArrival& take);

 private:
  struct Unfinished {
    Arrival arrival;
    std::uint64_t body_bytes = 0;
    bool has_header = false;
  };
  Status TakeMethod(const Frame& frame, const TakeArrival& take);
  void Give(std::map<std::uint16_t, Unfinished>::iterator whole, const TakeArrival& take);
  static Status TakeHeader(Unfinished& unfinished, std::string_view payload);
  static Status TakeBody(Unfinished& unfinished, std::string_view payload);
  std::map<std::uint16_t, Unfinished> unfinished_;  // by channel; we open a few
};

}  // namespace asya::transports::rabbitmq
