// Changes: what differs between two states of an object, place by place, as a person reads it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/json/value.h"
#include "model/schema.h"

namespace asya::model {

struct Change {
  std::string path;  // "spec.image", "spec.env[name=A].value", "metadata.labels[team]", "spec.flavors[0]"
  std::optional<json::Value> before;  // nullopt: it was not there
  std::optional<json::Value> after;   // nullopt: it is no longer there
};

// In the order of the paths; empty when, and only when, the two are equal. What comes or goes is one change with all
// that is in it. Elements of keyed lists and of sets are found again wherever they stand; one more change names the
// list where they stand in another order.
std::vector<Change> Changes(const Schema& schema, const json::Value& before, const json::Value& after);

}  // namespace asya::model
