#include "claims/settings.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace asya::claims {
namespace {

constexpr const char* kStore = "ASYA_CLAIM_STORE";
constexpr const char* kThreshold = "ASYA_CLAIM_THRESHOLD_BYTES";
constexpr std::string_view kFileScheme = "file://";
constexpr std::size_t kLeastThresholdBytes = 4096;

constexpr std::string_view kS3Scheme = "s3://";
constexpr std::size_t kBucketLimitBytes = 63;
constexpr std::size_t kPrefixLimitBytes = 256;

bool IsOf(std::string_view text, std::string_view more) {
  return std::all_of(text.begin(), text.end(), [more](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || more.find(c) != std::string_view::npos;
  });
}

// No name of ours is written otherwise in a URL.
bool ReadBucket(std::string_view place, S3Settings& s3) {
  const std::size_t slash = std::min(place.find('/'), place.size());
  const std::string_view bucket = place.substr(0, slash);
  std::string prefix(place.substr(std::min(slash + 1, place.size())));
  while (!prefix.empty() && prefix.back() == '/') prefix.pop_back();
  const bool good = bucket.size() >= 3 && bucket.size() <= kBucketLimitBytes && IsOf(bucket, ".-") &&
                    prefix.size() <= kPrefixLimitBytes && IsOf(prefix, "ABCDEFGHIJKLMNOPQRSTUVWXYZ/_.-") &&
                    prefix.find("..") == std::string::npos && prefix.find("//") == std::string::npos &&
                    prefix.rfind('/', 0) != 0;
  if (!good) return false;
  s3.bucket = bucket;
  s3.prefix = prefix.empty() ? "" : prefix + "/";
  return true;
}

void ReadS3(const Lookup& lookup, S3Settings& s3, std::vector<std::string>& problems) {
  for (const char* name : {"ASYA_CLAIM_S3_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"}) {
    if (s3.region.empty()) s3.region = lookup(name).value_or("");
  }
  if (s3.region.empty()) s3.region = "us-east-1";
  s3.endpoint = lookup("ASYA_CLAIM_S3_ENDPOINT").value_or("");
  s3.ca_file = lookup("ASYA_CLAIM_S3_CA_FILE").value_or("");
  const std::size_t slashes = s3.endpoint.find("://");
  const std::string rest = slashes == std::string::npos ? "" : s3.endpoint.substr(slashes + 3);
  const bool is_http = s3.endpoint.rfind("http://", 0) == 0 || s3.endpoint.rfind("https://", 0) == 0;
  // Never repeated: it may hold a secret.
  if (!s3.endpoint.empty() && (!is_http || rest.empty() || rest.find_first_of("/?#@ ") != std::string::npos)) {
    problems.emplace_back("ASYA_CLAIM_S3_ENDPOINT: http://host[:port] or https://host[:port] is accepted");
  }
}

void ReadStore(const Lookup& lookup, StoreSettings& settings, std::vector<std::string>& problems) {
  const std::string store = lookup(kStore).value_or("");
  if (store.empty()) return;
  if (store.rfind(kS3Scheme, 0) == 0 && ReadBucket(std::string_view(store).substr(kS3Scheme.size()), settings.s3)) {
    ReadS3(lookup, settings.s3, problems);
    return;
  }
  const std::string folder = store.rfind(kFileScheme, 0) == 0 ? store.substr(kFileScheme.size()) : store;
  if (!folder.empty() && folder.front() == '/') {
    settings.folder = folder;
    return;
  }
  problems.push_back(std::string(kStore) + ": got \"" + store +
                     "\"; the absolute path of a folder that all relays share, or s3://BUCKET/PREFIX, is accepted");
}

}  // namespace

StoreSettings ReadStoreSettings(const Lookup& lookup, std::vector<std::string>& problems) {
  StoreSettings settings;
  ReadStore(lookup, settings, problems);
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
