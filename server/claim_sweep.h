// ClaimSweep: removes what is kept in a claim store for envelopes that have all ended (spec 06).
#pragma once

#include "core/base/clock.h"
#include "core/base/periodic.h"
#include "core/observe/log.h"
#include "core/observe/metrics.h"
#include "ports/claim_store.h"
#include "ports/task_store.h"
#include "server/claims.h"

namespace asya::server {

// A folder may go when everybody who marked that they hold payloads there has ended, the task of the root is not
// unfinished and no dead letter names one of the payloads. Where marks are missing, because a relay died right after an
// end, age decides instead of them; task and dead letters count all the same.
class ClaimSweep {
 public:
  struct Parts {
    ports::ClaimStore& store;
    ports::TaskStore& tasks;
    const Clock& clock;
    observe::Logger logger;
    observe::Metrics& metrics;
  };

  ClaimSweep(Parts parts, const ClaimOptions& options);

  // Looks through the store again and again, at least once a minute.
  void Start() { periodic_.Start(Periodic::Every(period_)); }
  void Stop() { periodic_.Stop(); }
  // Looks through it once.
  void RunOnce();

 private:
  Status Sweep(const ports::ClaimFolder& folder);
  Result<bool> MayGo(const ports::ClaimFolder& folder);
  Result<bool> IsUnfinished(const std::string& task);
  Result<bool> IsNamedByLetter(const ports::ClaimFolder& folder, const std::string& id);

  const Parts parts_;
  const std::chrono::microseconds grace_;
  const std::chrono::microseconds expiry_;
  const std::chrono::microseconds period_;
  const observe::Counter removed_;
  const observe::Counter failures_;
  const observe::Gauge folders_;
  Periodic periodic_;  // last: it uses what is before it
};

}  // namespace asya::server
