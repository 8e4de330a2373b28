// Access: who we are to Pub/Sub: the token that goes with each call.
#pragma once

#include <functional>
#include <string>

#include "core/base/result.h"

namespace asya::transports::pubsub {

// Thread safe; never blocks.
class Access {
 public:
  virtual ~Access() = default;
  // The token for now; empty where none is wanted. kUnavailable: there is none yet, and why.
  virtual Result<std::string> Token() = 0;
  // The server took the last one no longer.
  virtual void Refused() = 0;
};

// For emulators: no token.
class NoAccess final : public Access {
 public:
  Result<std::string> Token() override { return std::string(); }
  void Refused() override {}
};

}  // namespace asya::transports::pubsub
