// OpenStore: the claim store in a bucket that the settings name, as the process's own environment lets it in.
#pragma once

#include <memory>
#include <string>

#include "claims/s3/store.h"
#include "claims/settings.h"
#include "core/base/result.h"

namespace asya::claims::s3 {

// Asks nobody yet. kInvalid: the file of certificates cannot be read.
Result<std::unique_ptr<ports::ClaimStore>> OpenStore(const S3Settings& settings, observe::Metrics& metrics,
                                                     const std::string& metric_prefix);

}  // namespace asya::claims::s3
