// Pods: what the pods of an actor say of themselves; pure.
#pragma once

#include <string>
#include <vector>

#include "core/json/value.h"
#include "ports/cluster.h"

namespace asya::cluster::kubernetes {

// Whether it has ended for good, as one that was evicted: it stays until the cluster's garbage collector comes, and
// does nothing any more.
bool HasEnded(const json::Value& pod);

// The replica that a Pod is, with the first thing that keeps it from being ready.
ports::Replica ReplicaOf(const json::Value& pod);

// The Deployment with what its pods say in its conditions: Available with reason and message of the first one that is
// not ready, and ReplicaFailure where one will not get ready without a change, or none can be made. Pods that are to go
// say nothing.
json::Value WithPods(json::Value deployment, const std::vector<ports::Replica>& pods);

}  // namespace asya::cluster::kubernetes
