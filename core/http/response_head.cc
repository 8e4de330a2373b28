#include "core/http/response_head.h"

#include <array>
#include <charconv>
#include <ctime>
#include <limits>
#include <string_view>
#include <utility>

#include "core/base/clock.h"
#include "core/http/problem.h"

namespace asya::http {
namespace {

void AppendField(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  if (value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos) {
    out += value;
  } else {
    for (const char c : value) {
      if (c != '\r' && c != '\n' && c != '\0') out += c;
    }
  }
  out += "\r\n";
}

// Written anew once a second.
const std::string& HttpDate() {
  thread_local std::time_t written = -1;
  thread_local std::string date;
  const std::time_t now = std::chrono::system_clock::to_time_t(RealClock().Now());
  if (std::exchange(written, now) == now) return date;
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[40];
  date.assign(text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts));
  return date;
}

void AppendNumber(std::string& out, std::size_t number) {
  std::array<char, std::numeric_limits<std::size_t>::digits10 + 1> digits{};
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
}

}  // namespace

std::string ResponseHead(const Response& response, Framing framing, bool close) {
  constexpr std::size_t kUsualBytes = 256;
  constexpr std::size_t kSmallBodyBytes = 8U << 10U;  // one that is sent in one piece with the head
  const bool has_body = response.status != 304 && response.status != 204;
  std::string out;
  out.reserve(kUsualBytes + (response.body.size() < kSmallBodyBytes ? response.body.size() : 0));
  out += "HTTP/1.1 ";
  AppendNumber(out, static_cast<std::size_t>(response.status));
  out += ' ';
  out += ReasonPhrase(response.status);
  out += "\r\nDate: ";
  out += HttpDate();
  out += "\r\n";
  if (!response.content_type.empty() && has_body) AppendField(out, "Content-Type", response.content_type);
  for (const auto& [name, value] : response.headers.all()) AppendField(out, name, value);
  if (framing == Framing::kChunked) out += "Transfer-Encoding: chunked\r\n";
  if (framing == Framing::kLength && has_body) {
    out += "Content-Length: ";
    AppendNumber(out, response.body.size());
    out += "\r\n";
  }
  out += close ? "Connection: close\r\n\r\n" : "Connection: keep-alive\r\n\r\n";
  return out;
}

std::string Chunk(std::string_view bytes) {
  char size[20];
  const auto end = std::to_chars(std::begin(size), std::end(size), bytes.size(), 16);
  std::string chunk;
  chunk.reserve(bytes.size() + sizeof(size) + 4);
  chunk.append(size, end.ptr).append("\r\n").append(bytes).append("\r\n");
  return chunk;
}

Response InOnePiece(Response response) {
  while (response.more) {
    const std::string piece = response.more();
    if (piece.empty()) response.more = nullptr;
    response.body += piece;
  }
  return response;
}

}  // namespace asya::http
