#include "server/definitions.h"

#include <string>

#include "model/kinds.h"

namespace asya::server {

Status RefuseDefinitions(cluster::kubernetes::Client& client) {
  for (const model::KindInfo& kind : model::Kinds()) {
    std::string name = kind.plural;
    name.append(".").append(model::kGroup);
    const auto found = client.Get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/" + name);
    if (found.ok()) {
      return Fail(ErrorCode::kConflict,
                  "the cluster has CustomResourceDefinition " + name +
                      ", and serves the kind by that or by this server, never by both. To go over without losing what "
                      "the objects own: save them (kubectl get " +
                      name +
                      " --all-namespaces -o yaml), delete them with "
                      "--cascade=orphan, delete the definition, and apply the file again");
    }
    if (found.error().code != ErrorCode::kNotFound) return found.error();
  }
  return Ok();
}

}  // namespace asya::server
