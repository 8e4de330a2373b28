#include "cluster/kubernetes/served.h"

namespace asya::cluster::kubernetes {

Result<bool> IsServed(Client& client, const Kind& kind) {
  ASYA_TRY(const json::Value list, client.Get("/apis"));
  const json::Value* groups = list.Find("groups");
  if (list.GetString("kind") != "APIGroupList" || groups == nullptr || !groups->IsArray()) {
    return Fail(ErrorCode::kUnavailable, "GET /apis: the answer is no list of API groups");
  }
  for (const json::Value& group : groups->AsArray()) {
    const json::Value* versions = group.Find("versions");
    if (versions == nullptr || !versions->IsArray()) continue;
    for (const json::Value& version : versions->AsArray()) {
      if (version.GetString("groupVersion") == kind.api_version) return true;
    }
  }
  return false;
}

}  // namespace asya::cluster::kubernetes
