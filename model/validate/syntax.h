// Syntax: whether a string has the form that a field asks for, and the words that say what that form is.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/json/value.h"
#include "model/schema.h"

namespace asya::model {

inline constexpr std::size_t kActorNameLimitBytes = 54;
inline constexpr std::size_t kDnsLabelLimitBytes = 63;
inline constexpr std::size_t kDnsSubdomainLimitBytes = 253;

bool IsDnsLabel(std::string_view text, std::size_t limit_bytes = kDnsLabelLimitBytes);
bool IsDnsSubdomain(std::string_view text);
// "[prefix/]name", as of labels, annotations and finalizers.
bool IsQualifiedName(std::string_view text);
bool IsLabelValue(std::string_view text);
bool IsEnvironmentName(std::string_view text);
bool IsHandler(std::string_view text);
bool IsErrorPattern(std::string_view text);

// A quantity in its base unit, e.g. "500m" -> 0.5 and 2 -> 2; nullopt when it is none.
std::optional<double> ParseQuantity(const json::Value& value);

// What is wrong with `text` in that format ("must be …"); nullopt when it fits.
std::optional<std::string> CheckFormat(Format format, std::string_view text);

}  // namespace asya::model
