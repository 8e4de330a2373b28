// Base64 of RFC 4648: for URLs and JSON web tokens without padding, and the ordinary one.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace asya {

std::string EncodeBase64Url(std::string_view bytes);
// nullopt for anything that EncodeBase64Url does not give.
std::optional<std::string> DecodeBase64Url(std::string_view text);

std::string EncodeBase64(std::string_view bytes);
// Blanks and ends of lines, and padding at the end, are passed over. nullopt for anything else.
std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace asya
