// Resource: what every object of a cluster has: a name, labels, conditions.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/json/value.h"

namespace asya::ports {

// Of a child of an actor: the uid of that actor.
inline constexpr const char* kOwnerLabel = "asya.sh/owner-uid";

struct ResourceRef {
  std::string api_version;
  std::string kind;
  std::string namespace_;
  std::string name;
  friend auto operator<=>(const ResourceRef&, const ResourceRef&) = default;
};

// Of an object in a namespace. kInvalid when apiVersion, kind, metadata.namespace or metadata.name is missing.
Result<ResourceRef> RefOf(const json::Value& object);
// metadata.`field` where it is text, else empty.
std::string MetadataOf(const json::Value& object, std::string_view field);
// Empty where there is none.
std::string LabelOf(const json::Value& object, std::string_view name);
std::string AnnotationOf(const json::Value& object, std::string_view name);
// The condition of that type; `status` may be null, and may lack any. nullptr: there is none.
const json::Value* FindCondition(const json::Value* status, std::string_view type);

}  // namespace asya::ports
