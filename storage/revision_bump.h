// How far revisions are raised when a backup has been brought back, by BumpRevision of each engine.
#pragma once

#include <cstdint>

namespace asya::storage {

// More writes than can lie between a backup and now: three years of 10,000 a second.
inline constexpr std::int64_t kRevisionBump = 1'000'000'000'000;

}  // namespace asya::storage
