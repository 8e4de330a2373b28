// How gRPC stands on HTTP/2: frames around messages, what its statuses mean, its percent-encoded texts.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace asya::transports::pubsub::grpc {

constexpr int kDeadlineExceeded = 4;
constexpr int kUnavailable = 14;

// One message as it goes over the wire, not compressed.
std::string Framed(std::string_view message);
// A grpc-message header; what is no percent-encoding stays as it is.
std::string Decoded(std::string_view text);
// The end of a call: the one message of `answer`, or the error that the statuses tell (-1 and 0: none came).
Result<std::string> Outcome(int http_status, int grpc_status, std::string_view text, std::string_view answer);

}  // namespace asya::transports::pubsub::grpc
