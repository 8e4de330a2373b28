// Crew: the system actors that the control plane makes in every namespace with actors.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/value.h"

namespace asya::compositions {

// What the crew's Python is called, and the variable that gives it a folder for its records.
inline constexpr const char* kSinkHandler = "asya_crew.sink.x_sink";
inline constexpr const char* kSumpHandler = "asya_crew.sump.x_sump";
inline constexpr const char* kPersistenceVariable = "ASYA_PERSISTENCE_MOUNT";

struct CrewOptions {
  std::string image = "asya-crew:latest";
  // Locally: the folder that holds asya_crew, and the interpreter; they become annotations. Empty: none.
  std::string source_dir;
  std::string python;
  std::int64_t cooldown_seconds = 30;  // idle time before the drop to zero
  bool native_scaling = false;         // by KEDA's own triggers, where nobody tells it of our decisions
  std::string transport;               // spec.transport; empty: the default one
  std::string persistence_mount;       // ASYA_PERSISTENCE_MOUNT; empty: none
};

// "x-sink" and "x-sump", in the order in which they are made.
const std::vector<std::string>& SystemActorNames();
// The AsyncActor object of a system actor, ready to be created; `name` is one of SystemActorNames().
json::Value SystemActor(std::string_view name, std::string_view namespace_, const CrewOptions& options = {});
// All of them.
std::vector<json::Value> SystemActors(const std::string& namespace_, const CrewOptions& options);

}  // namespace asya::compositions
