// SecretStore: an object store whose Secrets lie encrypted in the one below it.
#pragma once

#include <memory>
#include <string>

#include "core/base/result.h"
#include "ports/object_store.h"

namespace asya::server {

// `key_text` as http::SealingKeys reads it: the first key seals, all of them open. `below` lives longer.
Result<std::unique_ptr<ports::ObjectStore>> MakeSecretStore(ports::ObjectStore& below, const std::string& key_text);

}  // namespace asya::server
