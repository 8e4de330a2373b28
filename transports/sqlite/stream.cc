#include "transports/sqlite/stream.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace asya::transports::sqlite {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::size_t kReceiveBytesMax = 1024 * 1024;  // in one call
constexpr std::size_t kKeptBytes = 128 * 1024;         // buffer kept when idle

std::size_t LengthAt(const char* header) {
  FrameReader reader(std::string_view(header, kFrameHeaderBytes));
  return reader.U32();
}

Error Closed(const char* why) { return Fail(ErrorCode::kClosed, why); }

}  // namespace

Status Stream::Receive(const std::function<Status(FrameType, std::string_view content)>& take) {
  for (std::size_t received = 0; received < kReceiveBytesMax;) {
    // A large frame is read in large pieces, once its length is known.
    std::size_t wanted = kReadBytes;
    if (in_used_ >= kFrameHeaderBytes) {
      wanted = std::max(wanted, std::min(LengthAt(in_.data()) + kFrameHeaderBytes, kFrameBytesMax) -
                                    std::min(in_used_, kFrameBytesMax));
    }
    if (in_.size() < in_used_ + kReadBytes) in_.resize(in_used_ + std::min(wanted, kReceiveBytesMax));
    const std::size_t room = in_.size() - in_used_;
    const ssize_t count = recv(fd_.get(), in_.data() + in_used_, room, 0);
    if (count == 0) return Closed("the peer closed the connection");
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return Ok();
      return Closed(std::strerror(errno));
    }
    in_used_ += static_cast<std::size_t>(count);
    received += static_cast<std::size_t>(count);
    ASYA_TRY_STATUS(TakeFrames(take));
    if (static_cast<std::size_t>(count) < room) return Ok();
  }
  return Ok();
}

Status Stream::TakeFrames(const std::function<Status(FrameType, std::string_view content)>& take) {
  std::size_t start = 0;
  while (in_used_ - start >= kFrameHeaderBytes) {
    const std::size_t length = LengthAt(in_.data() + start);
    if (length == 0 || length > kFrameBytesMax) return Invalid("", "a frame of " + std::to_string(length) + " bytes");
    if (in_used_ - start - kFrameHeaderBytes < length) break;
    const std::string_view frame(in_.data() + start + kFrameHeaderBytes, length);
    ASYA_TRY_STATUS(take(static_cast<FrameType>(frame[0]), frame.substr(1)));
    start += kFrameHeaderBytes + length;
  }
  if (start == 0) return Ok();
  std::memmove(in_.data(), in_.data() + start, in_used_ - start);
  in_used_ -= start;
  if (in_.size() > kKeptBytes && in_used_ < kReadBytes) {
    in_.resize(kReadBytes);
    in_.shrink_to_fit();
  }
  return Ok();
}

Status Stream::Flush() {
  while (sent_ < out_.size()) {
    const ssize_t count = send(fd_.get(), out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) return Closed(std::strerror(errno));
      if (sent_ > kReceiveBytesMax) {
        // A peer that is never quite up to date must not keep what it has read.
        out_.erase(0, sent_);
        sent_ = 0;
      }
      return Ok();
    }
    sent_ += static_cast<std::size_t>(count);
  }
  out_.clear();
  sent_ = 0;
  if (out_.capacity() > kKeptBytes) out_.shrink_to_fit();
  return Ok();
}

}  // namespace asya::transports::sqlite
