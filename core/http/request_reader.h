// RequestReader: bytes of a connection in, one checked HTTP/1.x request out (Boost.Beast's parser behind it).
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "core/http/message.h"

namespace asya::http {

class RequestReader {
 public:
  enum class State {
    kNeedMore,
    kContinue,  // the peer waits for "100 Continue" before it sends the body; told once
    kHead,      // all but the body, which is not here yet; told once, and nothing of the body was taken
    kDone,
    kBad,  // see status() and detail(); the connection cannot be used further
  };

  // `heads_first`: kHead is told.
  RequestReader(std::size_t header_limit_bytes, std::size_t body_limit_bytes, bool heads_first = false);
  ~RequestReader();
  RequestReader(RequestReader&&) noexcept;
  RequestReader& operator=(RequestReader&&) noexcept;

  // Takes bytes from the front of `data`; `consumed` says how many. What is not consumed has to be given again.
  State Feed(std::string_view data, std::size_t& consumed);

  // After kDone; after kHead without the body.
  [[nodiscard]] Request Take();
  // After kDone.
  [[nodiscard]] std::string TakeBody();
  // After either.
  [[nodiscard]] bool keep_alive() const;
  [[nodiscard]] bool http_1_0() const;

  // After kBad: the status to answer with, and why.
  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] const std::string& detail() const { return detail_; }

 private:
  struct Parser;
  State Refuse(int status, std::string detail);
  // Once the head is there: whether to stop before the body, of which `here_bytes` lie ready.
  bool StopsAtHead(std::size_t here_bytes);
  bool HasKnownVersion();
  std::unique_ptr<Parser> parser_;
  bool stops_at_head_;
  bool continue_told_ = false;
  int status_ = 400;
  std::string detail_;
};

}  // namespace asya::http
