// ModelRequest: one call of a model server, made from an envelope.
#pragma once

#include <string>

#include "core/base/result.h"
#include "model/envelope.h"
#include "relay/endpoint.h"

namespace asya::relay {

struct ModelRequest {
  std::string bytes;    // of the whole HTTP request
  std::string payload;  // of the envelope: the answer goes into it
  model::Route route;   // after this actor
};

// kInvalid or kNotFound: the payload does not hold what the endpoint's `input` says.
Result<ModelRequest> MakeModelRequest(const Endpoint& endpoint, const std::string& envelope);

}  // namespace asya::relay
