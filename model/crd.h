// Crd: the kinds as CustomResourceDefinitions, for who wants the definitions in etcd, from the schema that the API
// serves.
#pragma once

#include "core/json/value.h"
#include "model/kinds.h"

namespace asya::model {

// Of apiextensions.k8s.io/v1, with a structural schema. Where a CustomResourceDefinition can say less than our API:
// a quantity may be an integer or a string but no other number; there are no rules across fields and no syntax of
// strings; the scale has no selector. Nothing is defaulted.
json::Value CustomResourceDefinition(const KindInfo& kind);

}  // namespace asya::model
