#include "relay/event_stream.h"

namespace asya::relay {

Status EventStream::Feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    if (line_.size() + data_.size() + part.size() > event_limit_bytes_) {
      return Fail(ErrorCode::kTooLarge,
                  "an event over " + std::to_string(event_limit_bytes_) + " bytes; that much is accepted");
    }
    if (end == std::string_view::npos) {
      line_.append(part);
      return Ok();
    }
    bytes.remove_prefix(end + 1);
    if (line_.empty()) {
      ASYA_TRY_STATUS(Line(part));
    } else {
      line_.append(part);
      const std::string line = std::move(line_);
      line_.clear();
      ASYA_TRY_STATUS(Line(line));
    }
  }
  return Ok();
}

Status EventStream::Line(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (line.empty()) {
    if (!has_data_ && name_.empty()) return Ok();
    const std::string name = name_.empty() ? "message" : std::move(name_);
    const std::string data = std::move(data_);
    name_.clear();
    data_.clear();
    has_data_ = false;
    return on_event_(name, data);
  }
  const std::size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  if (field == "event") {
    name_ = std::string(value);
  } else if (field == "data") {
    if (has_data_) data_ += '\n';
    data_.append(value);
    has_data_ = true;
  }
  return Ok();
}

}  // namespace asya::relay
