// HistoryRetention: how much of the written history of objects every store keeps.
#pragma once

#include <chrono>
#include <cstdint>

namespace asya::storage {

// Over any bound the oldest entries go, also those of deleted objects.
struct HistoryRetention {
  std::int64_t entries_per_object_max = 200;  // of one uid
  std::int64_t entries_max = 100'000;         // of all objects
  // What was live so long ago can still be told: an entry is too old when the next one of the object is, or, if it was
  // the last, when the object is gone.
  std::chrono::hours age_max{24 * 365};
};

inline constexpr std::int64_t kHistoryDropBatchEntries = 500;  // in one transaction, so that other writes wait for one
inline constexpr std::int64_t kHistoryDropObjectsMax = 1000;   // looked at in one round

}  // namespace asya::storage
