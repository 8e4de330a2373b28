// Protobuf: the kinds of Kubernetes that typed clients send in protobuf form, kubectl and Helm among them.
#pragma once

#include <string_view>

#include "core/base/result.h"
#include "core/json/value.h"

namespace asya::apiserver {

inline constexpr std::string_view kProtobufType = "application/vnd.kubernetes.protobuf";

// A Namespace, a Secret, DeleteOptions or a review as JSON, without what the server alone writes. kInvalid for what is
// no such message.
Result<json::Value> DecodeProtobufObject(std::string_view bytes);

}  // namespace asya::apiserver
