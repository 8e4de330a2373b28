// Stream: frames over one non-blocking socket, buffered on both sides.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/base/unique_fd.h"
#include "transports/sqlite/wire.h"

namespace asya::transports::sqlite {

class Stream {
 public:
  explicit Stream(UniqueFd fd) : fd_(std::move(fd)) {}

  [[nodiscard]] int fd() const { return fd_.get(); }
  // Reads what is there (a bounded amount, so that one peer cannot hold the thread) and gives each whole frame to
  // `take`; its content is valid during the call. kClosed: the peer is gone, after its last frame was taken. kInvalid:
  // a frame breaks a rule; also returned when `take` returned an error.
  Status Receive(const std::function<Status(FrameType, std::string_view content)>& take);
  // Frames are appended here and sent by Flush.
  [[nodiscard]] std::string& out() { return out_; }
  // Sends as much as the socket takes. kClosed: the peer is gone.
  Status Flush();
  [[nodiscard]] std::size_t unsent_bytes() const { return out_.size() - sent_; }

 private:
  Status TakeFrames(const std::function<Status(FrameType, std::string_view content)>& take);

  UniqueFd fd_;
  std::string in_;  // received; the first `in_used_` bytes
  std::size_t in_used_ = 0;
  std::string out_;
  std::size_t sent_ = 0;  // of out_
};

}  // namespace asya::transports::sqlite
