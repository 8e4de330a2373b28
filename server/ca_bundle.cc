#include "server/ca_bundle.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/base64.h"
#include "model/kinds.h"

namespace asya::server {
namespace {

constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view kEnd = "-----END CERTIFICATE-----";

// What is no certificate between them is left out.
std::vector<std::string> CertificatesOf(std::string_view pem) {
  std::vector<std::string> all;
  for (;;) {
    const std::size_t begin = pem.find(kBegin);
    if (begin == std::string_view::npos) return all;
    const std::size_t end = pem.find(kEnd, begin);
    if (end == std::string_view::npos) return all;
    all.push_back(std::string(pem.substr(begin, end + kEnd.size() - begin)) + "\n");
    pem.remove_prefix(end + kEnd.size());
  }
}

std::string PathOfApiService() {
  return "/apis/apiregistration.k8s.io/v1/apiservices/" + std::string(model::kVersion) + "." +
         std::string(model::kGroup);
}

bool Holds(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace

std::string MergeBundles(const std::string& own, const std::string& known) {
  std::vector<std::string> merged;
  for (const std::string* bundle : {&own, &known}) {
    for (std::string& one : CertificatesOf(*bundle)) {
      if (merged.size() < kBundleCertificatesMax && !Holds(merged, one)) merged.push_back(std::move(one));
    }
  }
  std::string text;
  for (const std::string& one : merged) text += one;
  return text;
}

CaBundle::CaBundle(cluster::kubernetes::Client& client, std::string own, observe::Logger logger)
    : client_(client),
      logger_(std::move(logger)),
      own_(std::move(own)),
      repeated_(
          kPeriod, [this] { return Look(); },
          [this](const Error& error) {
            logger_.Error("the CAs in the APIService cannot be kept", {{"error", error.message}});
          }) {}

void CaBundle::Replace(std::string own) {
  const std::lock_guard lock(mutex_);
  own_ = std::move(own);
}

bool CaBundle::InPlace(const std::string& pem) const {
  const std::vector<std::string> needed = CertificatesOf(pem);
  const std::lock_guard lock(mutex_);
  return absent_ ||
         std::all_of(needed.begin(), needed.end(), [this](const std::string& one) { return Holds(there_, one); });
}

Status CaBundle::Look() {
  const auto service = client_.Get(PathOfApiService());
  const bool absent = !service.ok() && service.error().code == ErrorCode::kNotFound;
  {
    const std::lock_guard lock(mutex_);
    absent_ = absent;
    if (!service.ok()) there_.clear();
  }
  if (absent) return Ok();
  if (!service.ok()) return service.error();
  const json::Value* bundle = service->FindPath({"spec", "caBundle"});
  const std::string known =
      bundle != nullptr && bundle->IsString() ? DecodeBase64(bundle->AsString()).value_or("") : "";
  const std::vector<std::string> there = CertificatesOf(known);
  std::string own;
  {
    const std::lock_guard lock(mutex_);
    own = own_;
    there_ = there;
  }
  const std::vector<std::string> needed = CertificatesOf(own);
  if (std::all_of(needed.begin(), needed.end(), [&](const std::string& one) { return Holds(there, one); })) return Ok();
  // Guarded by the revision, so that of two servers that write at once none undoes the other's.
  json::Object metadata;
  if (const json::Value* revision = service->FindPath({"metadata", "resourceVersion"})) {
    metadata["resourceVersion"] = *revision;
  }
  const json::Object patch{{"metadata", metadata},
                           {"spec", json::Object{{"caBundle", EncodeBase64(MergeBundles(own, known))}}}};
  ASYA_TRY([[maybe_unused]] const json::Value patched,
           client_.Send({"PATCH", PathOfApiService(), patch, "application/merge-patch+json"}));
  logger_.Info("the APIService names the CA of this server");
  return Ok();
}

}  // namespace asya::server
