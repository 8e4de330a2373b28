// FieldText: a member of an object as text, whatever it is.
#pragma once

#include <string>

#include "core/json/value.h"

namespace asya::ports {

// A string as it is, anything else as JSON; `fallback` where there is none of that name.
std::string FieldText(const json::Value& object, const char* field, const std::string& fallback = "");

}  // namespace asya::ports
