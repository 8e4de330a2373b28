#include <set>
#include <utility>

#include "apiserver/documents.h"
#include "apiserver/negotiate.h"
#include "apiserver/resource.h"
#include "apiserver/revision.h"
#include "core/json/value.h"

namespace asya::apiserver {
namespace {

constexpr const char* kAggregatedType = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const std::vector<std::string> kSubresourceVerbs{"get", "patch", "update"};

json::Array Strings(const std::vector<std::string>& values) {
  json::Array array;
  for (const std::string& value : values) array.push_back(value);
  return array;
}

json::Object LegacyEntry(const Resource& resource) {
  json::Object entry{{"name", resource.kind.plural},
                     {"singularName", resource.kind.singular},
                     {"namespaced", resource.kind.namespaced},
                     {"kind", resource.kind.kind},
                     {"verbs", Strings(resource.verbs)}};
  if (!resource.kind.short_names.empty()) entry["shortNames"] = Strings(resource.kind.short_names);
  if (!resource.kind.categories.empty()) entry["categories"] = Strings(resource.kind.categories);
  return entry;
}

struct HistoryPart {
  const char* name;
  const char* kind;
  const char* verb;
};
constexpr HistoryPart kHistoryParts[] = {
    {kDiffPart, "Diff", "get"}, {kHistoryPart, "HistoryList", "get"}, {kRestorePart, "Restore", "create"}};

json::Object LegacySubresource(const Resource& resource, const std::string& name) {
  json::Object entry{{"name", resource.kind.plural + "/" + name},
                     {"singularName", ""},
                     {"namespaced", resource.kind.namespaced},
                     {"kind", resource.kind.kind},
                     {"verbs", Strings(kSubresourceVerbs)}};
  if (name == "scale") {
    entry["group"] = "autoscaling";
    entry["version"] = "v1";
    entry["kind"] = "Scale";
  }
  return entry;
}

std::string ResourceList(const std::string& group, const std::string& version) {
  json::Array entries;
  for (const Resource& resource : Resources()) {
    if (resource.group != group || resource.version != version) continue;
    entries.push_back(LegacyEntry(resource));
    if (resource.kind.has_status) entries.push_back(LegacySubresource(resource, "status"));
    if (resource.kind.has_scale) entries.push_back(LegacySubresource(resource, "scale"));
    if (!resource.has_history()) continue;
    for (const HistoryPart& part : kHistoryParts) {
      json::Object entry = LegacySubresource(resource, part.name);
      entry["kind"] = part.kind;
      entry["verbs"] = json::Array{part.verb};
      entries.push_back(std::move(entry));
    }
  }
  return json::Dump(json::Object{{"kind", "APIResourceList"},
                                 {"apiVersion", "v1"},
                                 {"groupVersion", group.empty() ? version : group + "/" + version},
                                 {"resources", std::move(entries)}});
}

json::Object Group(const std::string& group, const std::string& version) {
  const json::Object served{{"groupVersion", group + "/" + version}, {"version", version}};
  return json::Object{{"name", group}, {"versions", json::Array{served}}, {"preferredVersion", served}};
}

json::Object Kind(const std::string& group, const std::string& version, const std::string& kind) {
  return json::Object{{"group", group}, {"version", version}, {"kind", kind}};
}

json::Object AggregatedEntry(const Resource& resource) {
  json::Object entry{{"resource", resource.kind.plural},
                     {"responseKind", Kind(resource.group, resource.version, resource.kind.kind)},
                     {"scope", resource.kind.namespaced ? "Namespaced" : "Cluster"},
                     {"singularResource", resource.kind.singular},
                     {"verbs", Strings(resource.verbs)}};
  if (!resource.kind.short_names.empty()) entry["shortNames"] = Strings(resource.kind.short_names);
  if (!resource.kind.categories.empty()) entry["categories"] = Strings(resource.kind.categories);
  json::Array subresources;
  const auto add = [&](const char* name, json::Object response_kind) {
    subresources.push_back(json::Object{
        {"subresource", name}, {"responseKind", std::move(response_kind)}, {"verbs", Strings(kSubresourceVerbs)}});
  };
  if (resource.kind.has_scale) add("scale", Kind("autoscaling", "v1", "Scale"));
  if (resource.kind.has_status) add("status", Kind(resource.group, resource.version, resource.kind.kind));
  for (const HistoryPart& part : kHistoryParts) {
    if (!resource.has_history()) break;
    subresources.push_back(json::Object{{"subresource", part.name},
                                        {"responseKind", Kind(resource.group, resource.version, part.kind)},
                                        {"verbs", json::Array{part.verb}}});
  }
  if (!subresources.empty()) entry["subresources"] = std::move(subresources);
  return entry;
}

std::string AggregatedList(bool core, bool own_group_alone) {
  json::Array items;
  std::set<std::pair<std::string, std::string>> done;
  for (const Resource& first : Resources()) {
    if (own_group_alone && first.group != model::kGroup) continue;
    if (first.group.empty() != core || !done.insert({first.group, first.version}).second) continue;
    json::Array resources;
    for (const Resource& resource : Resources()) {
      if (resource.group == first.group && resource.version == first.version)
        resources.push_back(AggregatedEntry(resource));
    }
    json::Object metadata{{"creationTimestamp", nullptr}};
    if (!first.group.empty()) metadata["name"] = first.group;
    const json::Object version{
        {"version", first.version}, {"freshness", "Current"}, {"resources", std::move(resources)}};
    items.push_back(json::Object{{"metadata", std::move(metadata)}, {"versions", json::Array{version}}});
  }
  return json::Dump(json::Object{{"kind", "APIGroupDiscoveryList"},
                                 {"apiVersion", "apidiscovery.k8s.io/v2"},
                                 {"metadata", json::Object{}},
                                 {"items", std::move(items)}});
}

}  // namespace

Discovery::Discovery(bool own_group_alone) {
  json::Array groups;
  for (const Resource& resource : Resources()) {
    if (own_group_alone && resource.group != model::kGroup) continue;
    const std::string base = resource.group.empty() ? "/api" : "/apis/" + resource.group;
    const std::string path = base + "/" + resource.version;
    if (legacy_.contains(path)) continue;
    legacy_[path] = MakeDocument(ResourceList(resource.group, resource.version));
    if (resource.group.empty()) continue;
    json::Object group = Group(resource.group, resource.version);
    groups.push_back(group);
    group["kind"] = "APIGroup";
    group["apiVersion"] = "v1";
    legacy_[base] = MakeDocument(json::Dump(group));
  }
  legacy_["/apis"] = MakeDocument(
      json::Dump(json::Object{{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", std::move(groups)}}));
  aggregated_["/apis"] = MakeDocument(AggregatedList(false, own_group_alone), kAggregatedType);
  if (own_group_alone) return;
  legacy_["/api"] = MakeDocument(json::Dump(json::Object{
      {"kind", "APIVersions"}, {"versions", json::Array{"v1"}}, {"serverAddressByClientCIDRs", json::Array{}}}));
  aggregated_["/api"] = MakeDocument(AggregatedList(true, false), kAggregatedType);
}

std::optional<Outcome<http::Response>> Discovery::Handle(const http::Request& request, const std::string& group,
                                                         const std::string& version, bool core) const {
  std::string path = core ? "/api" : "/apis";
  if (!group.empty()) path += "/" + group;
  if (!version.empty()) path += "/" + version;
  const auto found = legacy_.find(path);
  if (found == legacy_.end()) return std::nullopt;
  const auto wants_aggregated = NegotiateDiscovery(request.headers.Get("Accept").value_or(""));
  if (!wants_aggregated) return Outcome<http::Response>(NotAcceptable("application/json"));
  const auto aggregated = aggregated_.find(path);
  const bool use_aggregated = *wants_aggregated && aggregated != aggregated_.end();
  return Outcome<http::Response>(Serve(use_aggregated ? aggregated->second : found->second, request));
}

}  // namespace asya::apiserver
