// LabelsText: labels as one column of text that is cheaper to read back than JSON.
#pragma once

#include <string>
#include <string_view>

#include "ports/object_store.h"

namespace asya::storage {

// "key=value,key=value" in the order of the keys, with `%`, `,` and `=` as %25, %2C and %3D.
std::string LabelsToText(const ports::Labels& labels);
// What LabelsToText wrote; anything else gives some labels, never a failure.
ports::Labels LabelsFromText(std::string_view text);

}  // namespace asya::storage
