// Claims: where this server and its relays keep payloads that are too large for a queue, and for how long.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>

#include "claims/settings.h"
#include "core/base/result.h"
#include "core/observe/metrics.h"
#include "ports/claim_store.h"

namespace asya::server {

struct ClaimOptions {
  claims::StoreSettings store;
  // What every relay is told of it, and nothing secret.
  std::map<std::string, std::string> relay_environment;
  // What relays on this machine need of the server's own environment to reach it; may hold credentials.
  std::map<std::string, std::string> credentials;
  // How long payloads are kept after everything that needs them has ended: a broker that delivers at least once may
  // bring a copy of a message that has ended.
  std::chrono::microseconds grace = std::chrono::minutes(10);
  // How long they are kept where nobody can tell whether they are needed. Longer than any deadline of a task (30 days).
  std::chrono::microseconds expiry = std::chrono::hours(24 * 31);
};

// By the server's environment: ASYA_CLAIM_STORE ("none": there is no store; unset: the folder {state}/claims),
// ASYA_CLAIM_GRACE, ASYA_CLAIM_EXPIRY and what claims/settings.h reads. An error names every mistake.
Result<ClaimOptions> ReadClaimOptions(const std::string& state, const std::map<std::string, std::string>& variables);

// Null where there is none. kInvalid: it cannot be opened as it is set.
Result<std::unique_ptr<ports::ClaimStore>> OpenClaimStore(const ClaimOptions& options, observe::Metrics& metrics);

}  // namespace asya::server
