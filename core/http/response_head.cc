#include "core/http/response_head.h"

#include <ctime>

#include "core/base/clock.h"
#include "core/http/problem.h"

namespace asya::http {
namespace {

void AppendField(std::string& out, const std::string& name, const std::string& value) {
  out += name;
  out += ": ";
  for (const char c : value) {
    if (c != '\r' && c != '\n' && c != '\0') out += c;
  }
  out += "\r\n";
}

std::string HttpDate() {
  const std::time_t now = std::chrono::system_clock::to_time_t(RealClock().Now());
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[40];
  return std::string(text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts));
}

}  // namespace

std::string ResponseHead(const Response& response, Framing framing, bool close) {
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + " ";
  out += ReasonPhrase(response.status);
  out += "\r\n";
  AppendField(out, "Date", HttpDate());
  if (!response.content_type.empty() && response.status != 304 && response.status != 204) {
    AppendField(out, "Content-Type", response.content_type);
  }
  for (const auto& [name, value] : response.headers.all()) AppendField(out, name, value);
  if (framing == Framing::kChunked) AppendField(out, "Transfer-Encoding", "chunked");
  if (framing == Framing::kLength && response.status != 304 && response.status != 204) {
    AppendField(out, "Content-Length", std::to_string(response.body.size()));
  }
  AppendField(out, "Connection", close ? "close" : "keep-alive");
  out += "\r\n";
  return out;
}

}  // namespace asya::http
