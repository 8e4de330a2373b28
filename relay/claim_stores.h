// ClaimStores: the claim stores that a program of the relay has with it. A library that a relay does not use is not
// mapped (spec 05): a store in S3 needs libcurl, so that programs link one of two libraries that define this.
#pragma once

#include <memory>
#include <string>

#include "claims/settings.h"
#include "core/base/result.h"
#include "core/observe/metrics.h"
#include "ports/claim_store.h"

namespace asya::relay {

// Whether stores in S3 are served too.
bool ServesS3Claims();
// The settings name a store. kInvalid (with the variable in `field`): it cannot be, or is not served.
Result<std::unique_ptr<ports::ClaimStore>> OpenClaimStore(const claims::StoreSettings& settings,
                                                          observe::Metrics& metrics, const std::string& metric_prefix);

}  // namespace asya::relay
