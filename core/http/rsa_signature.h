// The RSA signature that JSON web tokens carry (OpenSSL behind it).
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace asya::http {

// RS256 of RFC 7518: PKCS #1 v1.5 over SHA-256, as raw bytes. kInvalid: not an RSA private key in PEM; the error never
// repeats it.
Result<std::string> SignRs256(const std::string& private_key_pem, std::string_view text);

}  // namespace asya::http
