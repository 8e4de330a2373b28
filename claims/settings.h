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

struct StoreSettings {
  std::string folder;  // ASYA_CLAIM_STORE as an absolute path, or file://PATH; empty: there is no store
  // Envelopes above it leave their payload in the store, and so do those that the transport might not take
  // (ASYA_CLAIM_THRESHOLD_BYTES).
  std::size_t threshold_bytes = kMostThresholdBytes;

  [[nodiscard]] bool none() const { return folder.empty(); }
};

using Lookup = std::function<std::optional<std::string>(const std::string& name)>;
// Each mistake in `problems`, with the variable, the value seen and what is accepted.
StoreSettings ReadStoreSettings(const Lookup& lookup, std::vector<std::string>& problems);

}  // namespace asya::claims
