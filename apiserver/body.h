// Body: the object that a request carries, decoded and matched with its URL.
#pragma once

#include <string>

#include "apiserver/call.h"
#include "apiserver/options.h"

namespace asya::apiserver {

inline constexpr std::size_t kBodyLimitBytes = 3U << 20U;
inline constexpr std::size_t kBodyDepthLimit = 100;

// JSON of the call's kind, or YAML; namespaces also in protobuf form. Repeated fields are warned of or refused as
// `options` say. 400, 413 or 415.
Outcome<json::Value> DecodeObject(const Context& context, Call& call, const WriteOptions& options);
// Any JSON body; an empty one is null.
Outcome<json::Value> DecodeJson(const Call& call);
// The media type of the body, without parameters, lower case; empty where none was sent.
std::string MediaTypeOf(const http::Request& request);
// Whether it is a server-side apply.
bool IsApply(const http::Request& request);

// apiVersion and kind are those of the resource (400), the name and namespace those of the URL (400); an empty
// namespace is filled in.
Outcome<Done> MatchUrl(const Call& call, json::Value& object);

}  // namespace asya::apiserver
