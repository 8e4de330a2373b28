// ChatStream: puts the chunks of a streamed chat completion together into the completion that it would have been.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "core/base/result.h"
#include "core/json/value.h"

namespace asya::relay {

class ChatStream {
 public:
  static constexpr std::size_t kItemsMax = 1024;  // choices of one completion, and tool calls of one choice

  // The data of one event. kInvalid: no chunk of a completion. True: it says something that a client may wait for.
  Result<bool> Take(std::string_view data);

  // The server said that this was all.
  [[nodiscard]] bool done() const { return done_; }
  // Nothing is missing, even if the server did not say so: every choice has ended.
  [[nodiscard]] bool complete() const;
  // The error that the server put in the place of a chunk.
  [[nodiscard]] const std::optional<json::Value>& error() const { return error_; }
  // The object "chat.completion".
  [[nodiscard]] json::Value Completion() const;

 private:
  Status TakeChoice(const json::Value& choice);

  json::Object head_;  // id, model, usage and the like
  json::Array choices_;
  std::optional<json::Value> error_;
  bool done_ = false;
};

}  // namespace asya::relay
