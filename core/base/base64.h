// Base64 of RFC 4648 as Kubernetes and MIME use it: with '+', '/' and padding.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace asya {

std::string EncodeBase64(std::string_view bytes);
// nullopt for anything but the one text that stands for its bytes.
std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace asya
