// EventStream: takes server-sent events apart as their bytes arrive.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace asya::relay {

class EventStream {
 public:
  // Name ("message" when the event had none) and data, several data lines joined by newlines; views live until it
  // returns.
  using OnEvent = std::function<Status(std::string_view name, std::string_view data)>;

  EventStream(std::size_t event_limit_bytes, OnEvent on_event)
      : event_limit_bytes_(event_limit_bytes), on_event_(std::move(on_event)) {}

  // kTooLarge: an event over the limit; else the error of `on_event`.
  Status Feed(std::string_view bytes);

 private:
  Status Line(std::string_view line);

  std::size_t event_limit_bytes_;
  OnEvent on_event_;
  std::string line_;
  std::string name_;
  std::string data_;
  bool has_data_ = false;
};

}  // namespace asya::relay
