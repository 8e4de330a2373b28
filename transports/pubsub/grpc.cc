#include "transports/pubsub/grpc.h"

#include <charconv>
#include <cstdint>

namespace asya::transports::pubsub::grpc {
namespace {

constexpr std::size_t kFrameHeadBytes = 5;
constexpr int kHttpOk = 200;

ErrorCode CodeOf(int status) {
  switch (status) {
    case 3:
    case 11:
      return ErrorCode::kInvalid;
    case kDeadlineExceeded:
      return ErrorCode::kTimeout;
    case 5:
      return ErrorCode::kNotFound;
    case 6:
      return ErrorCode::kExists;
    case 7:
      return ErrorCode::kForbidden;
    case 8:
      return ErrorCode::kTooMany;
    case 9:
      return ErrorCode::kConflict;
    case 16:
      return ErrorCode::kUnauthorized;
    default:
      return ErrorCode::kUnavailable;
  }
}

Error Broken(const char* what) { return Fail(ErrorCode::kUnavailable, std::string("Pub/Sub: ") + what); }

}  // namespace

std::string Framed(std::string_view message) {
  constexpr unsigned kByteBits = 8;
  std::string out;
  out.reserve(kFrameHeadBytes + message.size());
  out += '\0';
  for (int byte = 3; byte >= 0; --byte) {
    out += static_cast<char>((message.size() >> (static_cast<unsigned>(byte) * kByteBits)) & 0xffU);
  }
  out += message;
  return out;
}

std::string Decoded(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    unsigned value = 0;
    const std::string_view digits = text.substr(at + 1, 2);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    const bool encoded =
        text[at] == '%' && digits.size() == 2 && error == std::errc() && end == digits.data() + digits.size();
    out += encoded ? static_cast<char>(value) : text[at];
    if (encoded) at += 2;
  }
  return out;
}

Result<std::string> Outcome(int http_status, int grpc_status, std::string_view text, std::string_view answer) {
  if (grpc_status > 0) {
    std::string message = "Pub/Sub: " + std::string(text);
    if (text.empty()) message += "status " + std::to_string(grpc_status);
    return Fail(CodeOf(grpc_status), message);
  }
  if (http_status > 0 && http_status != kHttpOk) {
    return Fail(ErrorCode::kUnavailable, "Pub/Sub: HTTP status " + std::to_string(http_status));
  }
  if (grpc_status < 0) return Broken("the call was broken off");
  if (answer.size() < kFrameHeadBytes) return Broken("an answer without a message");
  if (answer[0] != '\0') return Broken("an answer that is compressed");
  std::uint64_t size = 0;
  for (std::size_t at = 1; at < kFrameHeadBytes; ++at) size = (size << 8U) | static_cast<unsigned char>(answer[at]);
  if (size != answer.size() - kFrameHeadBytes) return Broken("an answer of another length than told");
  return std::string(answer.substr(kFrameHeadBytes));
}

}  // namespace asya::transports::pubsub::grpc
