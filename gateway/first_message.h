// FirstMessage: the first message of a task as its queue takes it, with the payload in the claim store where it must.
#pragma once

#include <string>

#include "core/base/result.h"
#include "gateway/gateway.h"
#include "model/envelope.h"

namespace asya::gateway {

// The bytes for `queue`. Where they are more than it takes, the payload is put into the store and the envelope names
// it; without a store that is kTooLarge. kUnavailable, kTimeout: the store does not take it now.
Result<std::string> FirstMessageBody(model::Envelope& envelope, const std::string& queue, const Deps& deps);

// After a task was not stored: forgets what was put for its envelope. What cannot be removed now expires.
void ForgetPayload(const model::Envelope& envelope, const Deps& deps);

// The payload that a dead letter only names. kNotFound: it is gone, or there is no store.
Result<std::string> PayloadOfLetter(const model::Envelope& envelope, const Deps& deps);

}  // namespace asya::gateway
