// Desired: what has to be done to the children of an actor, from what was rendered and what there is. The one way for
// who does it and for who only tells it.
#pragma once

#include <string>
#include <vector>

#include "core/json/value.h"
#include "ports/cluster.h"
#include "ports/composer.h"

namespace asya::reconcilers {

struct DesiredApply {
  const json::Value& object;
  const char* field_manager;
};

// In their order: first values of what there is not yet, then everything. What is returned points into `rendered`.
std::vector<DesiredApply> ToApply(const ports::RenderedSet& rendered, const std::vector<ports::Observed>& observed);

// The children that are rendered no more.
std::vector<ports::ResourceRef> ToDelete(const ports::RenderedSet& rendered,
                                         const std::vector<ports::Observed>& observed);

ports::ResourceRef RefOf(const json::Value& object);

// Why an actor on this Transport has no queue here.
std::string NotServedHere(const json::Value& transport);

}  // namespace asya::reconcilers
