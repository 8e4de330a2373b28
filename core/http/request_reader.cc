#include "core/http/request_reader.h"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <utility>

#include "core/http/target.h"

namespace asya::http {
namespace beast = boost::beast;

struct RequestReader::Parser {
  beast::http::request_parser<beast::http::string_body> parser;
};

RequestReader::RequestReader(std::size_t header_limit_bytes, std::size_t body_limit_bytes, bool heads_first)
    : parser_(std::make_unique<Parser>()), stops_at_head_(heads_first) {
  parser_->parser.eager(!heads_first);
  parser_->parser.header_limit(static_cast<std::uint32_t>(header_limit_bytes));
  parser_->parser.body_limit(body_limit_bytes);
}

RequestReader::~RequestReader() = default;
RequestReader::RequestReader(RequestReader&&) noexcept = default;
RequestReader& RequestReader::operator=(RequestReader&&) noexcept = default;

RequestReader::State RequestReader::Refuse(int status, std::string detail) {
  status_ = status;
  detail_ = std::move(detail);
  return State::kBad;
}

RequestReader::State RequestReader::Feed(std::string_view data, std::size_t& consumed) {
  auto& parser = parser_->parser;
  consumed = 0;
  while (!parser.is_done() && consumed < data.size()) {
    beast::error_code error;
    const std::size_t taken =
        parser.put(boost::asio::const_buffer(data.data() + consumed, data.size() - consumed), error);
    consumed += taken;
    if (error == beast::http::error::need_more) break;
    if (error == beast::http::error::body_limit) return Refuse(413, "the body is larger than this server accepts");
    if (error == beast::http::error::header_limit) return Refuse(431, "the header is larger than this server accepts");
    if (error) return Refuse(400, "not an HTTP/1.1 request: " + error.message());
    if (taken == 0) break;
    if (stops_at_head_ && parser.is_header_done() && StopsAtHead(data.size() - consumed)) {
      return HasKnownVersion() ? State::kHead : State::kBad;
    }
  }
  if (parser.is_done()) return HasKnownVersion() ? State::kDone : State::kBad;
  if (parser.is_header_done() && !continue_told_ &&
      beast::iequals(parser.get()[beast::http::field::expect], "100-continue")) {
    continue_told_ = true;
    return State::kContinue;
  }
  return State::kNeedMore;
}

bool RequestReader::StopsAtHead(std::size_t here_bytes) {
  auto& parser = parser_->parser;
  stops_at_head_ = false;
  parser.eager(true);
  if (parser.is_done()) return false;
  const auto length = parser.content_length();
  return !length || *length > here_bytes;
}

bool RequestReader::HasKnownVersion() {
  const unsigned version = parser_->parser.get().version();
  if (version == 11 || version == 10) return true;
  Refuse(400, "only HTTP/1.1 and HTTP/1.0 are served");
  return false;
}

bool RequestReader::keep_alive() const { return parser_->parser.get().keep_alive(); }
bool RequestReader::http_1_0() const { return parser_->parser.get().version() == 10; }

Request RequestReader::Take() {
  auto& message = parser_->parser.get();
  Request request;
  const auto method = message.method_string();
  request.method.assign(method.data(), method.size());
  const auto target = message.target();
  request.path.assign(target.data(), target.size());
  for (const auto& field : message) {
    const auto name = field.name_string();
    const auto value = field.value();
    request.headers.Add({name.data(), name.size()}, std::string(value.data(), value.size()));
  }
  request.body = TakeBody();
  return request;
}

std::string RequestReader::TakeBody() { return std::move(parser_->parser.get().body()); }

}  // namespace asya::http
