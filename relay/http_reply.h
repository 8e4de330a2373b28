// HttpReply: takes one HTTP/1.x reply apart as its bytes arrive: Content-Length, chunked, or to the end of the
// connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace asya::relay {

class HttpReply {
 public:
  using OnBody = std::function<Status(std::string_view)>;

  // `on_body` gets each piece of the body; its error ends the reading.
  explicit HttpReply(OnBody on_body) : on_body_(std::move(on_body)) {}

  // How many bytes belonged to this reply; the rest came too early. kInvalid: not HTTP.
  Result<std::size_t> Feed(std::string_view bytes);
  // The connection ended here: kClosed when the reply is not complete.
  Status End();

  [[nodiscard]] bool done() const { return part_ == Part::kDone; }
  // True once the head is complete.
  [[nodiscard]] bool has_head() const { return part_ != Part::kHead; }
  [[nodiscard]] bool started() const { return started_; }
  [[nodiscard]] int status() const { return status_; }
  // True when the connection can be used for another request after this reply.
  [[nodiscard]] bool keep_alive() const { return keep_alive_ && part_ == Part::kDone; }
  // Its body is text/event-stream.
  [[nodiscard]] bool has_events() const { return has_events_; }
  // While the body is given: how much of it follows at least, this piece included; 0 where that is not known.
  [[nodiscard]] std::uint64_t body_left() const { return part_ == Part::kBody ? left_ : 0; }
  [[nodiscard]] const std::string& retry_after() const { return retry_after_; }

 private:
  enum class Part { kHead, kBody, kBodyToEnd, kChunkSize, kChunk, kChunkEnd, kTrailer, kDone };

  Result<std::size_t> FeedHead(std::string_view bytes);
  Status TakeHead(std::string_view head);
  Status ReadHead(std::string_view head);
  Status ReadStatusLine(std::string_view line);
  Status ReadField(std::string_view line);
  void ChooseBody();
  Result<std::size_t> FeedBody(std::string_view bytes);
  Result<std::size_t> FeedLine(std::string_view bytes);
  Status ReadLine();

  OnBody on_body_;
  Part part_ = Part::kHead;
  std::string line_;  // the head or the line that is not complete yet
  std::string retry_after_;
  std::uint64_t left_ = 0;  // of the body or chunk
  int status_ = 0;
  bool started_ = false;
  bool keep_alive_ = false;
  bool has_length_ = false;
  bool chunked_ = false;
  bool has_events_ = false;
};

}  // namespace asya::relay
