// What the controllers of a server behind kube-apiserver do, as its flags and files say.
#pragma once

#include "server/api_options.h"
#include "server/controllers.h"

namespace asya::server {

// With a name of this replica that no other has. Needs ApiOptions::controllers.
ControllerOptions MakeControllerOptions(const ApiOptions& options, const ApiFiles& files);

}  // namespace asya::server
