// JsonWebToken: a signed token of RFC 7519 in its compact form, taken apart. Nothing of it is to be believed before its
// signature has been checked.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/json/value.h"

namespace asya::apiserver {

inline constexpr std::size_t kWebTokenBytesMax = 16U << 10U;

struct JsonWebToken {
  std::string algorithm;    // "RS256"
  std::string key_id;       // empty where it names none
  json::Value claims;       // an object
  std::string signed_text;  // header and claims as they came
  std::string signature;    // raw bytes
};

// kInvalid for anything else, without repeating any of it. A header with `crit` is refused: it asks for what is not
// understood here.
Result<JsonWebToken> ParseJsonWebToken(std::string_view text);

}  // namespace asya::apiserver
