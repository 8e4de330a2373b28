// Page: how many of a list a request asks for.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/result.h"
#include "core/http/message.h"

namespace asya::gateway {

inline constexpr std::int64_t kPageItemsMax = 500;

// Takes `?limit=`, where there is one, into `limit`; what is none goes into `errors`.
void ReadLimit(const http::Request& request, std::int64_t& limit, std::vector<Error>& errors);

}  // namespace asya::gateway
