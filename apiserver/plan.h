// Plan: what writing some objects would change, by POST of a kind Plan; nothing is stored.
#pragma once

#include <cstddef>
#include <functional>

#include "apiserver/call.h"
#include "ports/planning.h"

namespace asya::apiserver {

inline constexpr std::size_t kPlannedObjectsMax = 1000;

// nullptr where no controllers are that would render anything.
using FindPlanner = std::function<ports::Planner*()>;

// plans.asya.sh: created in a namespace, whatever the objects lie in, and never kept. It is no kind of the API's
// documents: nobody is to look for stored ones.
const Resource& Plans();

// Each object of `spec.objects` goes through everything that a write of it would: the right to write it, validation,
// admission. 422 or 403 as the write would be answered; 429 while others are being made.
Outcome<http::Response> CreatePlan(const Context& context, const FindPlanner& find_planner, Call& call);

}  // namespace asya::apiserver
