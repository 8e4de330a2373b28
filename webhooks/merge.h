// Merge: what a container of a pod becomes when ours is laid over it, by names, so that what others put there stays.
#pragma once

#include <string_view>

#include "core/json/value.h"

namespace asya::webhooks {

// Whether everything in `wanted` stands in `present`, which may hold more, such as the defaults that an API fills in.
// A null in `wanted` asks for the absence of a member. Lists are compared place by place.
bool Covers(const json::Value& present, const json::Value& wanted);

// A container after `wanted`: entries of env, envFrom, ports and volumeMounts are found by what names them, the members
// of resources, securityContext and lifecycle by theirs, everything else is one value. What is covered already stays
// byte by byte; a null takes a member away.
json::Value MergeContainer(const json::Value& present, const json::Value& wanted);

// The entry of a list with this name; nullptr where there is none.
const json::Value* FindNamed(const json::Array& list, std::string_view name);

}  // namespace asya::webhooks
