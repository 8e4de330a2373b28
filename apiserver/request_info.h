// RequestInfo: what a path and method of the Kubernetes API ask for.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "apiserver/outcome.h"
#include "core/http/message.h"

namespace asya::apiserver {

struct RequestInfo {
  enum class Target { kCoreVersions, kGroups, kGroup, kGroupVersion, kObjects };
  Target target = Target::kObjects;
  std::string group;  // empty for core
  std::string version;
  std::string namespace_;  // empty: cluster scope or all namespaces
  std::string resource;    // plural
  std::string name;        // empty: the collection
  std::string subresource;
  std::string verb;  // get list watch create update patch delete deletecollection; empty for another method
};

// What is not text in the query is refused, in the name of the client it is replaced: all of it may come to be stored.
Outcome<Done> CheckText(http::Request& request);

// Paths below /api and /apis; nullopt for others and for malformed ones. `watch`: the query asks for a watch.
std::optional<RequestInfo> ParseRequestInfo(std::string_view method, std::string_view path, bool watch);

}  // namespace asya::apiserver
