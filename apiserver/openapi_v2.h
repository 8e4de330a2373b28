// OpenAPI v2 (Swagger) made out of v3 documents, for clients that read only that: Argo CD, Helm, kubectl explain, and
// kube-apiserver, which merges it into the document of its cluster.
#pragma once

#include <string>
#include <vector>

#include "core/json/value.h"

namespace asya::apiserver {

// One document with the paths and definitions of all of them.
json::Value ToSwagger(const std::vector<json::Value>& documents);

// The same as bytes of gnostic's protobuf message openapi.v2.Document, without which some clients do not go on.
std::string EncodeSwagger(const json::Value& swagger);

}  // namespace asya::apiserver
