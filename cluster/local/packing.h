// Packing: keeps texts that resemble each other small, by deflating each against one that is known already.
#pragma once

#include <cstddef>
#include <string>

namespace asya::cluster::local {

inline constexpr std::size_t kDictionaryBytesMax = std::size_t{8} * 1024;

// `dictionary` is a text of the same kind; what both hold costs next to nothing. The same input gives the same bytes.
std::string Pack(const std::string& text, const std::string& dictionary);
// `packed` is of Pack, with the same dictionary; anything else ends the process.
std::string Unpack(const std::string& packed, const std::string& dictionary);

}  // namespace asya::cluster::local
