// ContinueToken: where the next page of a list begins, as the opaque text that clients send back.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace asya::apiserver {

struct ContinueToken {
  std::int64_t revision = 0;  // -1: go on at the head, though that may be inconsistent with earlier pages
  std::string namespace_;     // the last object of the page before
  std::string name;
};

std::string EncodeContinueToken(const ContinueToken& token);
// kInvalid for anything that EncodeContinueToken did not make.
Result<ContinueToken> DecodeContinueToken(std::string_view text);

}  // namespace asya::apiserver
