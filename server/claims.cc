#include "server/claims.h"

#include <optional>
#include <vector>

#include "claims/directory/store.h"
#include "core/base/clock.h"

namespace asya::server {
namespace {

constexpr const char* kStore = "ASYA_CLAIM_STORE";
constexpr const char* kNone = "none";
// What relays read of it beside the store.
constexpr const char* kToldToRelays[] = {"ASYA_CLAIM_THRESHOLD_BYTES"};

void ReadTime(const claims::Lookup& lookup, const char* name, std::chrono::microseconds least,
              std::chrono::microseconds& time, std::vector<std::string>& problems) {
  const std::string text = lookup(name).value_or("");
  if (text.empty()) return;
  const auto given = ParseGoDuration(text);
  if (given && *given >= least) {
    time = *given;
  } else {
    problems.push_back(std::string(name) + ": got \"" + text + "\"; a duration of at least " +
                       std::to_string(std::chrono::duration_cast<std::chrono::seconds>(least).count()) +
                       "s is accepted, e.g. 90s, 10m or 744h");
  }
}

}  // namespace

Result<ClaimOptions> ReadClaimOptions(const std::string& state, const std::map<std::string, std::string>& variables) {
  const claims::Lookup lookup = [&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    const bool given = found != variables.end() && !found->second.empty();
    if (name == kStore) {
      if (!given) return state + "/claims";
      if (found->second == kNone) return std::nullopt;
    }
    return given ? std::optional(found->second) : std::nullopt;
  };
  ClaimOptions options;
  std::vector<std::string> problems;
  options.store = claims::ReadStoreSettings(lookup, problems);
  ReadTime(lookup, "ASYA_CLAIM_GRACE", std::chrono::seconds(0), options.grace, problems);
  ReadTime(lookup, "ASYA_CLAIM_EXPIRY", std::chrono::hours(1), options.expiry, problems);
  if (!problems.empty()) {
    std::string all;
    for (const std::string& problem : problems) all += (all.empty() ? "" : "\n") + problem;
    return Fail(ErrorCode::kInvalid, all);
  }
  if (options.store.none()) return options;
  options.relay_environment[kStore] = *lookup(kStore);
  for (const char* name : kToldToRelays) {
    if (const auto value = lookup(name)) options.relay_environment[name] = *value;
  }
  return options;
}

std::unique_ptr<ports::ClaimStore> OpenClaimStore(const ClaimOptions& options, observe::Metrics& /*metrics*/) {
  if (options.store.none()) return nullptr;
  return std::make_unique<claims::directory::Store>(options.store.folder);
}

}  // namespace asya::server
