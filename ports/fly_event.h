// FlyEvent: what a handler sends on the way, for those who follow its task now. Nobody keeps it.
#pragma once

#include <string>

namespace asya::ports {

struct FlyEvent {
  std::string task_id;
  std::string namespace_;  // of who sends it; empty: not said
  std::string data_json;
};

}  // namespace asya::ports
