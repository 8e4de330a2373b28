// Sha256: the SHA-256 digest (FIPS 180-4), for ids derived from content; written here so that small binaries need no
// OpenSSL.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace asya {

using Sha256Digest = std::array<std::uint8_t, 32>;

Sha256Digest Sha256(std::string_view text);
// 64 lower case hexadecimal digits.
std::string Sha256Hex(std::string_view text);

}  // namespace asya
