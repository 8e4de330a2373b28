// Protobuf: a namespace in the protobuf form of Kubernetes, which is how `kubectl create namespace` sends it.
#pragma once

#include <string_view>

#include "core/base/result.h"
#include "core/json/value.h"

namespace asya::apiserver {

inline constexpr std::string_view kProtobufType = "application/vnd.kubernetes.protobuf";

// {"apiVersion","kind","metadata":{name, generateName, labels, annotations}}; other fields are left out. kInvalid for
// what is no such message.
Result<json::Value> DecodeProtobufObject(std::string_view bytes);

}  // namespace asya::apiserver
