// ResponseHead: the status line and header fields of a response as bytes. Internal to core/http.
#pragma once

#include <string>

#include "core/http/message.h"

namespace asya::http {

enum class Framing { kLength, kChunked, kUntilClose };

// CR and LF in field values are left out, so that no value can add a field.
std::string ResponseHead(const Response& response, Framing framing, bool close);

}  // namespace asya::http
