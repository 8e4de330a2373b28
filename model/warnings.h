// Warnings: what a right spec asks for in vain, each for a person.
#pragma once

#include <string>
#include <vector>

#include "core/json/value.h"

namespace asya::model {

// `spec` of any kind of ours, with or without its defaults.
std::vector<std::string> WarningsOf(const json::Value& spec);

}  // namespace asya::model
