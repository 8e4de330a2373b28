// Sha256: the SHA-256 digest (FIPS 180-4), for ids derived from content and for signatures; written here so that small
// binaries need no OpenSSL.
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
// HMAC-SHA-256 (RFC 2104), for signatures.
Sha256Digest HmacSha256(std::string_view key, std::string_view text);
std::string HexOf(const Sha256Digest& digest);

}  // namespace asya
