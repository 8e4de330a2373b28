// Owners: the numbers under which a relay leases, in a file for whoever is started in its place.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace asya::transports::postgres {

// Of the file; none where there is no such file.
std::vector<std::int64_t> ReadOwners(const std::string& path);
// In place of what the file held. That it cannot be written is no error: the leases of a dead relay end by themselves.
void WriteOwners(const std::string& path, const std::vector<std::int64_t>& owners);

}  // namespace asya::transports::postgres
