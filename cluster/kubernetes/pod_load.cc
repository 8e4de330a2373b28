#include "cluster/kubernetes/pod_load.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <string>

#include "cluster/kubernetes/child_kinds.h"
#include "ports/resource.h"

namespace asya::cluster::kubernetes {

using ports::AnnotationOf;

namespace {

// Of the cost, which the cluster keeps in 32 bits.
constexpr std::int64_t kCostMax = std::numeric_limits<std::int32_t>::max();

}  // namespace

std::int64_t InFlightOf(const json::Value& pod, WallTime now) {
  const auto until = ParseRfc3339(AnnotationOf(pod, kBusyUntil));
  if (!until || *until <= now) return 0;
  const std::string text = AnnotationOf(pod, kDeletionCost);
  std::int64_t cost = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cost);
  // Whatever somebody else has made of the cost, the pod was busy.
  const bool is_count = error == std::errc() && end == text.data() + text.size() && cost > 0;
  return is_count ? cost : 1;
}

json::Value LoadPatch(const json::Value& pod, std::int64_t in_flight, WallTime now) {
  const std::string told = AnnotationOf(pod, kBusyUntil);
  json::Value cost;
  json::Value until;
  if (in_flight > 0) {
    const auto holds = ParseRfc3339(told);
    if (holds && *holds - now >= kRenewBefore && !AnnotationOf(pod, kDeletionCost).empty()) return {};
    cost = std::to_string(std::min(in_flight, kCostMax));
    until = FormatRfc3339(now + kBusyFor);
  } else if (told.empty()) {
    return {};
  }
  // Of this very pod; there may be another one of its name.
  return json::Object{
      {"metadata", json::Object{{"uid", MetadataOf(pod, "uid")},
                                {"annotations", json::Object{{kDeletionCost, cost}, {kBusyUntil, until}}}}}};
}

}  // namespace asya::cluster::kubernetes
