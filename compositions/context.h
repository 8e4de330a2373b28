// Context: one actor as the rendering steps see it: its names, its effective spec and the transport it is on.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compositions/settings.h"
#include "core/base/result.h"
#include "core/json/value.h"
#include "ports/composer.h"

namespace asya::compositions {

struct Context {
  const Settings& settings;
  const json::Value& actor;  // whole object
  json::Value spec;          // effective
  std::string name;          // metadata.name: names the children
  std::string namespace_;
  std::string identity;  // logical actor: names the queue
  std::string uid;       // may be empty when rendered offline
  std::string queue;
  std::string transport;        // name
  std::string transport_type;   // sqlite, postgres, …
  json::Value transport_block;  // spec.{type} of the Transport; an object
  std::string credentials_version;

  [[nodiscard]] bool scales() const;
  [[nodiscard]] bool paused() const;
  [[nodiscard]] bool has_endpoint() const { return spec.Find("endpoint") != nullptr; }
  // x-sink or x-sump as the crew has them, keeping no files: their relay does their work alone.
  [[nodiscard]] bool ends_in_relay() const;
  [[nodiscard]] bool has_runtime() const { return !has_endpoint() && !ends_in_relay(); }
  [[nodiscard]] bool has_workload() const { return spec.Find("workloadRef") != nullptr; }
  // metadata.annotations[key] of the actor; empty when there is none.
  [[nodiscard]] std::string Annotation(std::string_view key) const;
};

// A child's labels: ours, the user's that may be copied, and the owner's uid.
json::Value Labels(const Context& context, std::string_view component);
// The labels that select the actor's pods.
json::Value SelectorLabels(const Context& context);
// apiVersion, kind and metadata of a child.
json::Value Child(const Context& context, const char* api_version, const char* kind, const std::string& name,
                  std::string_view component);
// {"name": …, "value": …}.
json::Value EnvironmentValue(std::string name, std::string value);
// Appends; an entry of the same name is replaced where it stands.
void SetEnvironment(json::Array& environment, json::Value entry);
// `extra` over `defaults`, member by member.
json::Value Overlaid(json::Value defaults, const json::Value* extra);

}  // namespace asya::compositions
