// Bootstrap: the objects that a new local store begins with.
#pragma once

#include <string>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/json/value.h"
#include "ports/object_store.h"

namespace asya::server {

// The Transport of that name and spec, unless there is a Transport already. Idempotent.
Status Bootstrap(ports::ObjectStore& objects, const Clock& clock, const std::string& name,
                 const json::Value& transport_spec);

}  // namespace asya::server
