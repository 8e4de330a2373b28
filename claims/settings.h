// StoreSettings: where payloads that are too large for a queue are kept, as the environment says; the same for relays
// and for the server.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace asya::claims {

// What no message carries on any transport: a larger payload is always put into the store. The gateway takes 12 MiB at
// once, and what surrounds a payload is far below the rest.
inline constexpr std::size_t kMostThresholdBytes = 10U << 20U;

// Of a bucket; who we are there says AWS's own environment.
struct S3Settings {
  std::string bucket;
  std::string prefix;    // empty or ending in "/"
  std::string region;    // ASYA_CLAIM_S3_REGION, else AWS_REGION, else AWS_DEFAULT_REGION
  std::string endpoint;  // ASYA_CLAIM_S3_ENDPOINT; empty: AWS's own
  std::string ca_file;   // ASYA_CLAIM_S3_CA_FILE, PEM; empty: the system's certificates
};

// Of a store neither of both: there is none.
struct StoreSettings {
  std::string folder;  // ASYA_CLAIM_STORE as an absolute path, or file://PATH
  S3Settings s3;       // ASYA_CLAIM_STORE as s3://BUCKET/PREFIX
  // Envelopes above it leave their payload in the store, and so do those that the transport might not take
  // (ASYA_CLAIM_THRESHOLD_BYTES).
  std::size_t threshold_bytes = kMostThresholdBytes;

  [[nodiscard]] bool none() const { return folder.empty() && !is_s3(); }
  [[nodiscard]] bool is_s3() const { return !s3.bucket.empty(); }
};

using Lookup = std::function<std::optional<std::string>(const std::string& name)>;
// Each mistake in `problems`, with the variable, the value seen and what is accepted.
StoreSettings ReadStoreSettings(const Lookup& lookup, std::vector<std::string>& problems);

}  // namespace asya::claims
