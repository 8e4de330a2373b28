#include "server/claims.h"

#include <optional>
#include <vector>

#include "claims/directory/store.h"
#include "claims/s3/open.h"
#include "core/base/clock.h"

namespace asya::server {
namespace {

constexpr const char* kStore = "ASYA_CLAIM_STORE";
constexpr const char* kNone = "none";
// What relays read of it beside the store.
constexpr const char* kToldToRelays[] = {"ASYA_CLAIM_THRESHOLD_BYTES", "ASYA_CLAIM_S3_ENDPOINT",
                                         "ASYA_CLAIM_S3_CA_FILE"};
// Who this process is to AWS; relays on this machine are the same to it.
constexpr const char* kAwsIdentity[] = {"AWS_ACCESS_KEY_ID",
                                        "AWS_SECRET_ACCESS_KEY",
                                        "AWS_SESSION_TOKEN",
                                        "AWS_PROFILE",
                                        "AWS_SHARED_CREDENTIALS_FILE",
                                        "AWS_ROLE_ARN",
                                        "AWS_WEB_IDENTITY_TOKEN_FILE",
                                        "AWS_ROLE_SESSION_NAME",
                                        "AWS_ENDPOINT_URL_STS",
                                        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                                        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
                                        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                                        "AWS_EC2_METADATA_DISABLED",
                                        "AWS_EC2_METADATA_SERVICE_ENDPOINT"};

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
  if (!options.store.is_s3()) return options;
  options.relay_environment["ASYA_CLAIM_S3_REGION"] = options.store.s3.region;
  for (const char* name : kAwsIdentity) {
    if (const auto value = lookup(name)) options.credentials[name] = *value;
  }
  return options;
}

Result<std::unique_ptr<ports::ClaimStore>> OpenClaimStore(const ClaimOptions& options, observe::Metrics& metrics) {
  if (options.store.none()) return std::unique_ptr<ports::ClaimStore>();
  if (options.store.is_s3()) return claims::s3::OpenStore(options.store.s3, metrics, "asya");
  return std::unique_ptr<ports::ClaimStore>(std::make_unique<claims::directory::Store>(options.store.folder));
}

}  // namespace asya::server
