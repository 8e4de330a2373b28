// Bytea: bodies as PostgreSQL writes and reads them in text form.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace asya::transports::postgres {

// "\x" and two lower case hex digits a byte.
std::string ToBytea(std::string_view bytes);
// kInvalid when the text is not of that form.
Result<std::string> FromBytea(std::string_view text);

}  // namespace asya::transports::postgres
