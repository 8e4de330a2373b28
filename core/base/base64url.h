// Base64 of RFC 4648 for URLs and JSON web tokens, without padding.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace asya {

std::string EncodeBase64Url(std::string_view bytes);
// nullopt for anything that EncodeBase64Url does not give.
std::optional<std::string> DecodeBase64Url(std::string_view text);

}  // namespace asya
