// Base64: bytes as text (RFC 4648, with padding).
#pragma once

#include <string>
#include <string_view>

namespace asya::relay {

std::string Base64(std::string_view bytes);

}  // namespace asya::relay
