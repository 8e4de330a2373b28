// Events: what happened to an object, as core/v1 Events in its namespace, one of each reason.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/base/clock.h"
#include "core/json/value.h"
#include "ports/event_recorder.h"
#include "ports/object_store.h"

namespace asya::reconcilers {

inline constexpr const char* kEvents = "events";
inline constexpr std::chrono::hours kEventLife{1};          // after it happened last, as in Kubernetes
inline constexpr std::size_t kEventsMax = 10'000;           // of the whole store; the oldest go first
inline constexpr std::size_t kEventMessageBytesMax = 1024;  // what is longer is cut, as in Kubernetes

// In the store. Thread safe. A record carries involvedObject's fields, reason and type as labels, by which the API
// selects.
class Events final : public ports::EventRecorder {
 public:
  Events(ports::ObjectStore& store, const Clock& clock) : store_(store), clock_(clock) {}

  void Tell(const json::Value& object, bool is_warning, const std::string& reason, const std::string& message) override;

 private:
  ports::ObjectStore& store_;
  const Clock& clock_;
};

// Deletes what is over its life or the bound; how many.
Result<std::int64_t> DropOldEvents(ports::ObjectStore& store, WallTime now);

}  // namespace asya::reconcilers
