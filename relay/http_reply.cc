#include "relay/http_reply.h"

#include <algorithm>
#include <charconv>

namespace asya::relay {
namespace {

constexpr std::size_t kHeadLimitBytes = 32U * 1024;
constexpr std::size_t kLineLimitBytes = 1024;  // of a chunk size or a trailer
constexpr std::uint64_t kLengthLimitBytes = 256U << 20U;

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// `word` is in small letters.
bool Is(std::string_view text, std::string_view word) {
  return std::equal(text.begin(), text.end(), word.begin(), word.end(),
                    [](char left, char right) { return Lower(left) == right; });
}

// `usual` is how we and most others write it.
bool IsName(std::string_view name, std::string_view usual) {
  return name == usual || std::equal(name.begin(), name.end(), usual.begin(), usual.end(),
                                     [](char left, char right) { return Lower(left) == Lower(right); });
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

Result<std::uint64_t> Number(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) {
    return Invalid("", "not HTTP: a length is not a number");
  }
  if (value > kLengthLimitBytes) {
    return Fail(ErrorCode::kTooLarge, "a reply of " + std::to_string(value) + " bytes; at most " +
                                          std::to_string(kLengthLimitBytes) + " are accepted");
  }
  return value;
}

}  // namespace

Result<std::size_t> HttpReply::Feed(std::string_view bytes) {
  std::size_t used = 0;
  while (used < bytes.size() && part_ != Part::kDone) {
    started_ = true;
    const std::string_view rest = bytes.substr(used);
    auto step = part_ == Part::kHead                                                         ? FeedHead(rest)
                : part_ == Part::kBody || part_ == Part::kBodyToEnd || part_ == Part::kChunk ? FeedBody(rest)
                                                                                             : FeedLine(rest);
    if (!step.ok()) return step;
    used += *step;
  }
  return used;
}

Status HttpReply::End() {
  if (part_ == Part::kBodyToEnd) part_ = Part::kDone;
  if (part_ == Part::kDone) return Ok();
  return Fail(ErrorCode::kClosed,
              started_ ? "the connection ended in the middle of a reply" : "the connection ended without a reply");
}

Result<std::size_t> HttpReply::FeedHead(std::string_view bytes) {
  // Usually it comes in one piece.
  if (line_.empty()) {
    const std::size_t end = bytes.substr(0, kHeadLimitBytes + 4).find("\r\n\r\n");
    if (end != std::string_view::npos) {
      ASYA_TRY_STATUS(TakeHead(bytes.substr(0, end)));
      return end + 4;
    }
  }
  // The blank line may be split over two pieces.
  const std::size_t before = line_.size();
  line_.append(bytes.substr(0, kHeadLimitBytes + 4 - std::min(before, kHeadLimitBytes)));
  const std::size_t end = line_.find("\r\n\r\n", before < 3 ? 0 : before - 3);
  if (end == std::string::npos) {
    if (line_.size() > kHeadLimitBytes) return Invalid("", "not HTTP: the head is too long");
    return bytes.size();
  }
  const std::size_t used = end + 4 - before;
  ASYA_TRY_STATUS(TakeHead(std::string_view(line_).substr(0, end)));
  line_.clear();
  return used;
}

Status HttpReply::TakeHead(std::string_view head) {
  ASYA_TRY_STATUS(ReadHead(head));
  // After an interim reply the real one follows.
  if (status_ < 100 || status_ >= 200) ChooseBody();
  return Ok();
}

Status HttpReply::ReadHead(std::string_view head) {
  has_length_ = false;
  chunked_ = false;
  has_events_ = false;
  retry_after_.clear();
  const auto next_line = [&head] {
    const std::size_t end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    head = end == std::string_view::npos ? std::string_view() : head.substr(end + 2);
    return line;
  };
  ASYA_TRY_STATUS(ReadStatusLine(next_line()));
  while (!head.empty()) {
    if (const std::string_view line = next_line(); !line.empty()) ASYA_TRY_STATUS(ReadField(line));
  }
  return Ok();
}

Status HttpReply::ReadStatusLine(std::string_view line) {
  constexpr std::size_t kCodeAt = 9;  // after "HTTP/1.x "
  if (line.size() < kCodeAt + 3 || line.substr(0, 7) != "HTTP/1." || line[8] != ' ') {
    return Invalid("", "not HTTP: the reply does not begin with HTTP/1.x");
  }
  ASYA_TRY(const std::uint64_t code, Number(line.substr(kCodeAt, 3), 10));
  if (code < 100 || code > 599) return Invalid("", "not HTTP: status " + std::to_string(code));
  status_ = static_cast<int>(code);
  keep_alive_ = line[7] == '1';
  return Ok();
}

Status HttpReply::ReadField(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return Invalid("", "not HTTP: a header without a colon");
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = Trim(line.substr(colon + 1));
  if (IsName(name, "Content-Length")) {
    ASYA_TRY(left_, Number(value, 10));
    has_length_ = true;
  } else if (IsName(name, "Transfer-Encoding")) {
    chunked_ = Is(value, "chunked");
    if (!chunked_) return Invalid("", "a transfer encoding other than chunked");
  } else if (IsName(name, "Connection")) {
    if (Is(value, "close")) keep_alive_ = false;
    if (Is(value, "keep-alive")) keep_alive_ = true;
  } else if (IsName(name, "Content-Type")) {
    has_events_ = Is(Trim(value.substr(0, value.find(';'))), "text/event-stream");
  } else if (IsName(name, "Retry-After")) {
    retry_after_ = std::string(value);
  }
  return Ok();
}

void HttpReply::ChooseBody() {
  if (status_ == 204 || status_ == 304) {
    part_ = Part::kDone;
  } else if (chunked_) {
    part_ = Part::kChunkSize;
  } else if (has_length_) {
    part_ = left_ == 0 ? Part::kDone : Part::kBody;
  } else {
    keep_alive_ = false;
    part_ = Part::kBodyToEnd;
  }
}

Result<std::size_t> HttpReply::FeedBody(std::string_view bytes) {
  std::size_t size = bytes.size();
  if (part_ != Part::kBodyToEnd) size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, size));
  if (Status taken = on_body_(bytes.substr(0, size)); !taken.ok()) return taken.error();
  if (part_ == Part::kBodyToEnd) return size;
  left_ -= size;
  if (left_ == 0) part_ = part_ == Part::kBody ? Part::kDone : Part::kChunkEnd;
  return size;
}

Result<std::size_t> HttpReply::FeedLine(std::string_view bytes) {
  const std::size_t end = bytes.find('\n');
  const std::size_t used = end == std::string_view::npos ? bytes.size() : end + 1;
  line_.append(bytes.substr(0, used));
  if (line_.size() > kLineLimitBytes) return Invalid("", "not HTTP: the line of a chunk is too long");
  if (end == std::string_view::npos) return used;
  line_.pop_back();
  if (!line_.empty() && line_.back() == '\r') line_.pop_back();
  Status read = ReadLine();
  line_.clear();
  if (!read.ok()) return read.error();
  return used;
}

Status HttpReply::ReadLine() {
  if (part_ == Part::kChunkSize) {
    const std::string_view line = line_;
    ASYA_TRY(left_, Number(Trim(line.substr(0, line.find(';'))), 16));
    part_ = left_ == 0 ? Part::kTrailer : Part::kChunk;
  } else if (part_ == Part::kChunkEnd) {
    if (!line_.empty()) return Invalid("", "not HTTP: a chunk is longer than it says");
    part_ = Part::kChunkSize;
  } else if (line_.empty()) {
    part_ = Part::kDone;
  }
  return Ok();
}

}  // namespace asya::relay
