#include "server/ca_bundle.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/base64.h"
#include "model/kinds.h"
#include "webhooks/configurations.h"

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

bool Holds(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

bool HoldsAll(const std::vector<std::string>& all, const std::vector<std::string>& needed) {
  return std::all_of(needed.begin(), needed.end(), [&all](const std::string& one) { return Holds(all, one); });
}

// What stands in spec.caBundle, or in the clientConfig of a webhook.
std::string BundleIn(const json::Value* holder) {
  const json::Value* bundle = holder == nullptr ? nullptr : holder->Find("caBundle");
  return bundle != nullptr && bundle->IsString() ? DecodeBase64(bundle->AsString()).value_or("") : "";
}

// The bundles of an object as they are, by the name of their webhook; that of an APIService by no name.
std::vector<std::pair<std::string, std::string>> BundlesOf(const BundlePlace& place, const json::Value& object) {
  if (!place.of_webhooks) return {{"", BundleIn(object.Find("spec"))}};
  std::vector<std::pair<std::string, std::string>> all;
  const json::Value* webhooks = object.Find("webhooks");
  if (webhooks == nullptr || !webhooks->IsArray()) return all;
  for (const json::Value& webhook : webhooks->AsArray()) {
    all.emplace_back(webhook.GetString("name").value_or(""), BundleIn(webhook.Find("clientConfig")));
  }
  return all;
}

// Of the certificates of the first those that stand in all.
std::vector<std::string> InEach(const std::vector<std::pair<std::string, std::string>>& bundles) {
  std::vector<std::string> common;
  bool first = true;
  for (const auto& [name, bundle] : bundles) {
    const std::vector<std::string> here = CertificatesOf(bundle);
    if (std::exchange(first, false)) {
      common = here;
    } else {
      std::erase_if(common, [&here](const std::string& one) { return !Holds(here, one); });
    }
  }
  return common;
}

// Guarded by the revision, so that of two servers that write at once none undoes the other's.
cluster::kubernetes::Call PatchOf(const BundlePlace& place, const json::Value& object,
                                  const std::vector<std::pair<std::string, std::string>>& bundles,
                                  const std::string& own) {
  json::Object metadata;
  if (const json::Value* revision = object.FindPath({"metadata", "resourceVersion"})) {
    metadata["resourceVersion"] = *revision;
  }
  json::Object patch{{"metadata", std::move(metadata)}};
  json::Array webhooks;
  for (const auto& [name, bundle] : bundles) {
    json::Object holder{{"caBundle", EncodeBase64(MergeBundles(own, bundle))}};
    if (place.of_webhooks) {
      webhooks.push_back(json::Object{{"name", name}, {"clientConfig", std::move(holder)}});
    } else {
      patch["spec"] = std::move(holder);
    }
  }
  // By name, so that what others write of a webhook stays; a merge patch would replace them all.
  if (place.of_webhooks) patch["webhooks"] = std::move(webhooks);
  return {"PATCH", place.path + "?fieldManager=" + CaBundle::kFieldManager, std::move(patch),
          place.of_webhooks ? "application/strategic-merge-patch+json" : "application/merge-patch+json"};
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

std::vector<BundlePlace> BundlePlaces(bool webhooks) {
  std::vector<BundlePlace> places{{"APIService", "/apis/apiregistration.k8s.io/v1/apiservices/" +
                                                     std::string(model::kVersion) + "." + std::string(model::kGroup)}};
  if (!webhooks) return places;
  const std::string admission = "/apis/admissionregistration.k8s.io/v1/";
  places.push_back(
      {"MutatingWebhookConfiguration", admission + "mutatingwebhookconfigurations/" + webhooks::kMutatingName, true});
  places.push_back({"ValidatingWebhookConfiguration",
                    admission + "validatingwebhookconfigurations/" + webhooks::kValidatingName, true});
  return places;
}

CaBundle::CaBundle(cluster::kubernetes::Client& client, std::string own, observe::Logger logger,
                   std::vector<BundlePlace> places)
    : client_(client),
      logger_(std::move(logger)),
      places_(std::move(places)),
      own_(std::move(own)),
      seen_(places_.size()),
      repeated_(
          kPeriod, [this] { return Look(); },
          [this](const Error& error) {
            logger_.Error("the CAs of this server cannot be kept", {{"in", error.field}, {"error", error.message}});
          }) {}

void CaBundle::Replace(std::string own) {
  const std::lock_guard lock(mutex_);
  own_ = std::move(own);
}

bool CaBundle::InPlace(const std::string& pem) const {
  const std::vector<std::string> needed = CertificatesOf(pem);
  const std::lock_guard lock(mutex_);
  return std::all_of(seen_.begin(), seen_.end(),
                     [&needed](const Seen& one) { return one.absent || HoldsAll(one.there, needed); });
}

Status CaBundle::Look() {
  Status first = Ok();
  for (std::size_t i = 0; i < places_.size(); ++i) {
    Seen seen;
    const Status looked = LookAt(places_[i], seen);
    if (!looked.ok() && first.ok()) first = Error{looked.error().code, looked.error().message, places_[i].what};
    const std::lock_guard lock(mutex_);
    seen_[i] = std::move(seen);
  }
  return first;
}

Status CaBundle::LookAt(const BundlePlace& place, Seen& seen) {
  const auto object = client_.Get(place.path);
  seen.absent = !object.ok() && object.error().code == ErrorCode::kNotFound;
  if (seen.absent) return Ok();
  if (!object.ok()) return object.error();
  const auto bundles = BundlesOf(place, *object);
  seen.absent = bundles.empty();  // a configuration of no webhooks
  seen.there = InEach(bundles);
  std::string own;
  {
    const std::lock_guard lock(mutex_);
    own = own_;
  }
  if (seen.absent || HoldsAll(seen.there, CertificatesOf(own))) return Ok();
  ASYA_TRY([[maybe_unused]] const json::Value patched, client_.Send(PatchOf(place, *object, bundles, own)));
  logger_.Info("the cluster names the CA of this server", {{"in", place.what}});
  return Ok();
}

}  // namespace asya::server
