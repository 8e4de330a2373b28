// Scalar: what a plain (unquoted) YAML scalar means; used by core/yaml only.
#pragma once

#include <optional>
#include <string_view>

#include "core/json/value.h"

namespace asya::yaml {

// The value of a plain scalar; nullopt for an infinity or NaN, which JSON does not have.
std::optional<json::Value> ResolvePlain(std::string_view text);
// By the tags of the JSON types ("tag:yaml.org,2002:int"); nullopt when the text is not of that type or the tag is not
// known.
std::optional<json::Value> ResolveTagged(std::string_view tag, std::string_view text);
// The byte offset of the first byte that is not UTF-8 or is a NUL; nullopt when all is well.
std::optional<std::size_t> FindBadByte(std::string_view text);

}  // namespace asya::yaml
