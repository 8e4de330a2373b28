// History options: how much of the history of objects this server keeps, by its environment.
#pragma once

#include <map>
#include <string>

#include "core/base/result.h"
#include "storage/history_retention.h"

namespace asya::server {

// ASYA_HISTORY_AGE (a duration of whole hours, as 720h; at least an hour), ASYA_HISTORY_ENTRIES_PER_OBJECT and
// ASYA_HISTORY_ENTRIES (of all objects; numbers above zero). What is not set is as in HistoryRetention. An error names
// every mistake.
Result<storage::HistoryRetention> ReadHistoryRetention(const std::map<std::string, std::string>& variables);

}  // namespace asya::server
