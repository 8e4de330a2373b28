// Text: bodies as SQS takes them. A body of SQS is not empty, UTF-8, and has no control characters but tab and line
// ends (AWS, SendMessage); what is something else travels as base64, which an attribute tells.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace asya::transports::sqs {

// Whether SQS takes these bytes as they are.
bool IsPlainText(std::string_view body);
// nullopt for what is no base64; unlike DecodeBase64 it takes any text that stands for the bytes, whoever wrote it.
std::optional<std::string> FromBase64(std::string_view text);

}  // namespace asya::transports::sqs
