#include "storage/drop_history.h"

#include <algorithm>

namespace asya::storage {

Result<std::int64_t> DropHistory(const HistoryExcess& excess, const HistoryDrops& drops) {
  std::int64_t total = 0;
  std::int64_t dropped = 0;
  do {
    ASYA_TRY(dropped, drops.too_old());
    total += dropped;
  } while (dropped == kHistoryDropBatchEntries);
  for (const std::string& uid : excess.objects) {
    do {
      ASYA_TRY(dropped, drops.of_object(uid));
      total += dropped;
    } while (dropped == kHistoryDropBatchEntries);
  }
  dropped = 1;
  for (std::int64_t left = excess.entries - total; left > 0 && dropped > 0; left -= dropped) {
    ASYA_TRY(dropped, drops.oldest(std::min(left, kHistoryDropBatchEntries)));
    total += dropped;
  }
  return total;
}

}  // namespace asya::storage
