// Bootstrap: the objects that a new local store begins with.
#pragma once

#include "core/base/clock.h"
#include "core/base/result.h"
#include "ports/object_store.h"

namespace asya::server {

// The Transport `local` of type sqlite, marked default, unless there is a Transport already. Idempotent.
Status Bootstrap(ports::ObjectStore& objects, const Clock& clock);

}  // namespace asya::server
