// OpenAPI: the kinds' schemas as OpenAPI v3 definitions with descriptions and list extensions, for kubectl explain and
// typed diffs.
#pragma once

#include <string>

#include "core/json/value.h"
#include "model/kinds.h"

namespace asya::model {

// "sh.asya.v1alpha1.AsyncActor": dotted, never with a slash.
std::string OpenApiName(const KindInfo& kind);
// Any schema as it stands in the definitions.
json::Value OpenApiOf(const Schema& schema);
// Definition of the kind with x-kubernetes-group-version-kind. metadata refers to kObjectMetaName. Defaults appear in
// descriptions only.
json::Value OpenApiSchema(const KindInfo& kind);
// Definition of the kind's list.
json::Value OpenApiListSchema(const KindInfo& kind);
// autoscaling/v1 Scale, which the scale subresource speaks.
json::Value OpenApiScaleSchema();
// All definitions by name: kinds, their lists, ObjectMeta, ListMeta, Status and the other meta types they refer to.
json::Object OpenApiDefinitions();

inline constexpr const char* kObjectMetaName = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
inline constexpr const char* kListMetaName = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";
inline constexpr const char* kStatusName = "io.k8s.apimachinery.pkg.apis.meta.v1.Status";

}  // namespace asya::model
