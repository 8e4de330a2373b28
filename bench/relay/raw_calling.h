// RunCalling: what any relay has to do at least: take, call the runtime over HTTP, publish its answer confirmed,
// acknowledge what is confirmed; many at once, with no look into an envelope, no limits and no second try.
#pragma once

#include <string>

namespace asya::bench {

// Never returns; what fails ends the program. `folder` is that of the runtime's socket.
void RunCalling(const std::string& url, const std::string& from, const std::string& to, const std::string& folder);

}  // namespace asya::bench
