// Render: `asya-server render -f FILE`, what a manifest becomes, `render crds`, the kinds as CustomResourceDefinitions,
// and `render apiservice`, what a cluster needs to take the server as its API; as YAML, without a server.
#pragma once

#include <string>
#include <vector>

namespace asya::server {

// Returns the exit code: 64 after wrong arguments or a file that cannot be read, 1 after a manifest that is refused.
// The YAML goes to standard output, mistakes to standard error.
int Render(const std::vector<std::string>& arguments);

}  // namespace asya::server
