// DropHistory: takes the oldest entries of the written history away, in batches, by the bounds of HistoryRetention.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "storage/history_retention.h"

namespace asya::storage {

// What is over the bounds.
struct HistoryExcess {
  std::vector<std::string> objects;  // uids with too many entries, at most kHistoryDropObjectsMax
  std::int64_t entries = 0;          // in all objects together
};

// The statements of one store, each a transaction of its own; they return how many entries went.
struct HistoryDrops {
  // The oldest of those beyond age_max, at most kHistoryDropBatchEntries.
  std::function<Result<std::int64_t>()> too_old;
  // The oldest of one uid beyond entries_per_object_max, at most kHistoryDropBatchEntries.
  std::function<Result<std::int64_t>(const std::string& uid)> of_object;
  // The oldest of all, at most `limit`.
  std::function<Result<std::int64_t>(std::int64_t limit)> oldest;
};

// First what is too old, then what single objects have too much, then the oldest of all. Returns how many entries went.
Result<std::int64_t> DropHistory(const HistoryExcess& excess, const HistoryDrops& drops);

}  // namespace asya::storage
