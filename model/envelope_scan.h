// Envelopes and frames that look as we write them, read in one walk over their text. What is unusual, wrong or doubtful
// is left to the careful readers of envelope.h, which also say what is wrong.
#pragma once

#include <string_view>

#include "core/json/scan.h"
#include "model/envelope.h"

namespace asya::model {

// False: unusual, and `envelope` means nothing. It has to be fresh.
bool ScanEnvelope(std::string_view text, Envelope& envelope);
// The frame that begins here, its payload as a part of the text. False: unusual, and neither `frame` nor the place
// means anything. It has to be fresh.
bool ScanFrame(json::Scan& scan, Frame& frame);

}  // namespace asya::model
