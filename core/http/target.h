// Target: the request target of HTTP, taken apart and put together (path, query, percent escapes).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace asya::http {

struct Target {
  std::string path;                                        // with its percent escapes, always beginning with '/'
  std::vector<std::pair<std::string, std::string>> query;  // decoded
};

// Takes "/a/b?x=1" or "http://host/a/b?x=1". nullopt for anything else, a '#', or a broken percent escape in the query.
std::optional<Target> ParseTarget(std::string_view text);

// Decodes percent escapes; '+' means a space only where `plus_is_space`. nullopt for a broken escape.
std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_space = false);
// Escapes everything but letters, digits and "-._~", so that the result is safe as one path segment or query value.
std::string PercentEncode(std::string_view text);

}  // namespace asya::http
