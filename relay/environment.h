// Environment: reads the settings from environment variables and reports every mistake at once.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "relay/settings.h"

namespace asya::relay {

// The value of a variable; nullopt when it is not set.
using Lookup = std::function<std::optional<std::string>(const std::string& name)>;

// One line a mistake, each with the variable, its value and what is accepted, in `problems`; the settings are usable
// only when there is none.
Settings ReadEnvironment(const Lookup& lookup, std::vector<std::string>& problems);

// Looks into the process's own environment.
Lookup ProcessEnvironment();

}  // namespace asya::relay
