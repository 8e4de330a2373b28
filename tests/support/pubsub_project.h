// PubsubProject: a project of its own in the fake Pub/Sub of the test run.
#pragma once

#include <cstdlib>
#include <string>

#include "core/base/random.h"
#include "transports/pubsub/address.h"

namespace asya::tests {

class PubsubProject {
 public:
  // Whether `tools/pubsub run` is around the run.
  static bool IsThere() { return std::getenv("ASYA_TEST_PUBSUB") != nullptr; }

  PubsubProject() : name_("test-" + RandomHex(8)) {}
  [[nodiscard]] transports::pubsub::PubsubAddress address() const {
    return transports::pubsub::ParseEndpoint(name_, std::getenv("ASYA_TEST_PUBSUB")).value();
  }

 private:
  const std::string name_;
};

}  // namespace asya::tests
