#include "claims/settings.h"

#include <charconv>
#include <string_view>

namespace asya::claims {
namespace {

constexpr const char* kStore = "ASYA_CLAIM_STORE";
constexpr const char* kThreshold = "ASYA_CLAIM_THRESHOLD_BYTES";
constexpr std::string_view kFileScheme = "file://";
constexpr std::size_t kLeastThresholdBytes = 4096;

}  // namespace

StoreSettings ReadStoreSettings(const Lookup& lookup, std::vector<std::string>& problems) {
  StoreSettings settings;
  const std::string store = lookup(kStore).value_or("");
  settings.folder = store.rfind(kFileScheme, 0) == 0 ? store.substr(kFileScheme.size()) : store;
  if (!store.empty() && (settings.folder.empty() || settings.folder.front() != '/')) {
    problems.push_back(std::string(kStore) + ": got \"" + store +
                       "\"; the absolute path of a folder that all relays share is accepted");
  }
  const std::string text = lookup(kThreshold).value_or("");
  if (text.empty()) return settings;
  std::size_t bytes = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bytes);
  if (error == std::errc() && end == text.data() + text.size() && bytes >= kLeastThresholdBytes &&
      bytes <= kMostThresholdBytes) {
    settings.threshold_bytes = bytes;
  } else {
    problems.push_back(std::string(kThreshold) + ": got \"" + text + "\"; an integer from " +
                       std::to_string(kLeastThresholdBytes) + " to " + std::to_string(kMostThresholdBytes) +
                       " is accepted");
  }
  return settings;
}

}  // namespace asya::claims
