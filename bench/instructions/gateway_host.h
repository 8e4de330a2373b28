// Serves the gateway on a SQLite file, with everything of the server that a task touches but relays and objects.
#pragma once

#include <string>

namespace asya::bench {

// Prints the addresses of the outer and the inner routes, then serves until its standard input ends.
int ServeGateway(const std::string& folder);

}  // namespace asya::bench
