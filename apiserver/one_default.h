// OneDefault: the admission of every API server that refuses a second Transport marked as default.
#pragma once

#include "apiserver/call.h"

namespace asya::apiserver {

// Looks at writes that set the mark; who has it already may be written on. Two at the same moment may both pass: then
// no actor moves, and those that run nowhere yet say which ones they are.
Admission OneDefaultTransport(ports::ObjectStore& store);

}  // namespace asya::apiserver
