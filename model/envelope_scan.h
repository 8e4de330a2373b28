// Envelopes and frames that look as we write them, read in one walk over their text. What is unusual, wrong or doubtful
// is left to the careful readers of envelope.h, which also say what is wrong.
#pragma once

#include <optional>
#include <string_view>

#include "core/json/scan.h"
#include "model/envelope.h"

namespace asya::model {

// False: unusual, and `envelope` means nothing. It has to be fresh.
bool ScanEnvelope(std::string_view text, Envelope& envelope);
// The frame that begins here. nullopt: unusual, and the place means nothing any more.
std::optional<Frame> ScanFrame(json::Scan& scan);

}  // namespace asya::model
