// Bootstrap: the objects that a new local store begins with.
#pragma once

#include <string>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/json/value.h"
#include "ports/object_store.h"

namespace asya::server {

// The Transport of that name and spec, unless there is a Transport already. One that an earlier version made, marked as
// default, loses the mark if nobody has written on it and no other is marked. Idempotent.
Status Bootstrap(ports::ObjectStore& objects, const Clock& clock, const std::string& name,
                 const json::Value& transport_spec);

}  // namespace asya::server
