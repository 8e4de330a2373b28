// StatusError: what a refused call of a model server means, in the words of policies: http.TooManyRequests and its
// ancestors http.Transient, http.ClientError, http.StatusError.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "relay/answer.h"

namespace asya::relay {

// `message` may be empty.
HandlerError StatusError(int status, const std::string& message);
// The error object of a 2xx reply or a stream: {"message", "type", "code"}, or a text.
HandlerError ErrorIn(const json::Value& error);
// What a server says for a person in the body of an error; empty where that is not to be found.
std::string MessageIn(std::string_view body);
// Replaces every one of `secrets` by "***".
void Redact(std::string& text, const std::vector<std::string>& secrets);

// Seconds or an HTTP date, at most an hour; nullopt for anything else.
std::optional<std::chrono::microseconds> RetryAfter(const std::string& value, WallTime now);

}  // namespace asya::relay
