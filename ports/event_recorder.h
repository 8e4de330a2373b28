// EventRecorder: tells people what happened to an object, where they look for it.
#pragma once

#include <string>

#include "core/json/value.h"

namespace asya::ports {

class EventRecorder {
 public:
  virtual ~EventRecorder() = default;
  // `object` is whole, with its uid. One Event of each reason: happens it again, its count grows. What cannot be
  // written is lost: events tell, they decide nothing.
  virtual void Tell(const json::Value& object, bool is_warning, const std::string& reason,
                    const std::string& message) = 0;
};

}  // namespace asya::ports
