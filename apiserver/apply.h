// Apply: a PATCH of type application/apply-patch+yaml, of an object, its status or its scale.
#pragma once

#include "apiserver/call.h"
#include "apiserver/options.h"

namespace asya::apiserver {

// The configuration that the request carries, YAML or JSON: repeated fields are warned of or refused as `options` say,
// metadata.managedFields is refused. 400.
Outcome<json::Value> DecodeConfig(const Context& context, Call& call, const WriteOptions& options);

// `live`, a stored object, after the apply of `config`, with its managedFields. 409 with every field that others own
// and that would change, unless `options.force`.
Outcome<json::Value> Applied(const Context& context, const Call& call, const WriteOptions& options, json::Value live,
                             const json::Value& config, const std::string& shown_version);

}  // namespace asya::apiserver
