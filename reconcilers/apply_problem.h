// ApplyProblem: what a cluster that refuses a child means to a person; pure.
#pragma once

#include <string>

#include "core/base/result.h"
#include "reconcilers/actor_status.h"

namespace asya::reconcilers {

// `what`: the child, as "Deployment echo"; empty: all of them.
Part ApplyProblem(const std::string& what, const Error& error);

}  // namespace asya::reconcilers
