// Report: what one process did to the queues since it last told; Pub/Sub itself counts nothing that can be asked.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"

namespace asya::transports::pubsub {

// Topic and subscription that carry the reports to the control plane.
constexpr const char* kLedger = "asya-ledger";
constexpr std::size_t kDueTimesMax = 1000;  // told one by one in a report; later ones count as visible at once

struct QueueChange {
  std::int64_t arrived = 0;   // published into it, retries and what is given back not counted
  std::int64_t settled = 0;   // gone out of it for good
  std::vector<WallTime> due;  // of retries put into it
};

struct Report {
  std::string instance;     // of the process
  std::int64_t number = 0;  // counts its reports
  std::string queue;        // that it consumes; empty: none
  std::int64_t leased = 0;
  std::int64_t idle_ms = 0;  // for how long it has found the queue empty while it wanted more; 0: it has not
  bool ends = false;         // the last one of this process
  std::map<std::string, QueueChange> changes;
};

std::string EncodeReport(const Report& report);
// kInvalid: not a report. Unknown lines are passed over.
Result<Report> DecodeReport(std::string_view text);

}  // namespace asya::transports::pubsub
