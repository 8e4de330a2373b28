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
    kDone,
    kBad,  // see status() and detail(); the connection cannot be used further
  };

  RequestReader(std::size_t header_limit_bytes, std::size_t body_limit_bytes);
  ~RequestReader();
  RequestReader(RequestReader&&) noexcept;
  RequestReader& operator=(RequestReader&&) noexcept;

  // Takes bytes from the front of `data`; `consumed` says how many. What is not consumed has to be given again.
  State Feed(std::string_view data, std::size_t& consumed);

  // After kDone.
  [[nodiscard]] Request Take();
  [[nodiscard]] bool keep_alive() const;
  [[nodiscard]] bool http_1_0() const;

  // After kBad: the status to answer with, and why.
  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] const std::string& detail() const { return detail_; }

 private:
  struct Parser;
  State Refuse(int status, std::string detail);
  std::unique_ptr<Parser> parser_;
  bool continue_told_ = false;
  int status_ = 400;
  std::string detail_;
};

}  // namespace asya::http
