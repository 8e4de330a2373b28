// Utf8: whether bytes from outside are text.
#pragma once

#include <string>
#include <string_view>

namespace asya {

// As RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
bool IsUtf8(std::string_view text);
// The same text with '?' for each byte that belongs to no character.
std::string ReplaceInvalidUtf8(std::string_view text);

}  // namespace asya
