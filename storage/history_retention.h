// HistoryRetention: how much of the written history of objects every store keeps.
#pragma once

#include <cstdint>

namespace asya::storage {

// Over either bound the oldest entries go, also those of deleted objects.
struct HistoryRetention {
  std::int64_t entries_per_object_max = 200;  // of one uid
  std::int64_t entries_max = 100'000;         // of all objects
};

inline constexpr std::int64_t kHistoryDropBatchEntries = 500;  // in one transaction, so that other writes wait for one
inline constexpr std::int64_t kHistoryDropObjectsMax = 1000;   // looked at in one round

}  // namespace asya::storage
