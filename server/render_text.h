// RenderText: what `asya-server render -f FILE` prints: manifests as YAML in, the resources that they become as YAML
// out.
#pragma once

#include <string>
#include <string_view>

#include "compositions/settings.h"
#include "core/base/result.h"

namespace asya::server {

// The same text gives the same bytes. Each actor begins with comments that name its queue and what to be warned of.
// kInvalid with one mistake a line; kTooLarge.
Result<std::string> RenderText(std::string_view manifests, const compositions::Settings& settings);

}  // namespace asya::server
