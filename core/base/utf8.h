// Utf8: whether bytes from outside are text, and text cut between its characters.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace asya {

// As RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
bool IsUtf8(std::string_view text);
// The same text with '?' for each byte that belongs to no character.
std::string ReplaceInvalidUtf8(std::string_view text);
// The beginning of a text, of at most so many bytes, that ends with a whole character.
std::string_view CutUtf8(std::string_view text, std::size_t limit_bytes);

}  // namespace asya
