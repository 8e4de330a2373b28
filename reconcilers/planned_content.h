// PlannedContent: of an object the part that a plan compares, and what differs in it.
#pragma once

#include <vector>

#include "core/json/value.h"
#include "model/changes.h"
#include "ports/planning.h"

namespace asya::reconcilers {

// Texts longer than this, such as a file in a ConfigMap, are shown by their digest.
inline constexpr std::size_t kPlannedTextBytesMax = 1024;

// What people write of an object of ours: without status, and of metadata labels and annotations alone.
std::vector<model::Change> ChangesOf(const ports::PlannedWrite& write);
// The same of a child, and its owners.
std::vector<model::Change> ChangesOf(const ports::TriedApply& child);
// Of two specs with flavors and defaults: what our scaler sizes the actor by. Nothing where KEDA alone does it.
std::vector<model::Change> ScalingChanges(const json::Value& before, const json::Value& after);

}  // namespace asya::reconcilers
