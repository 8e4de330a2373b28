// Reference: the page about one kind in docs/reference, written from its schema so that it cannot disagree with it.
#pragma once

#include <string>

#include "model/kinds.h"

namespace asya::model {

// Markdown: what the kind is, how it is printed, and every field of spec and status with type, default and limits.
std::string ReferenceText(const KindInfo& kind);

}  // namespace asya::model
