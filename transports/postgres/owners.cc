#include "transports/postgres/owners.h"

#include <cstdio>
#include <fstream>

namespace asya::transports::postgres {

std::vector<std::int64_t> ReadOwners(const std::string& path) {
  std::vector<std::int64_t> owners;
  std::ifstream file(path);
  for (std::int64_t owner = 0; file >> owner;) owners.push_back(owner);
  return owners;
}

// Its reader finds the numbers of before or these, whenever the writer dies. Not synced: old numbers name no leases.
void WriteOwners(const std::string& path, const std::vector<std::int64_t>& owners) {
  const std::string beside = path + ".new";
  std::ofstream file(beside, std::ios::trunc);
  for (const std::int64_t owner : owners) file << owner << '\n';
  file.close();
  if (file) static_cast<void>(std::rename(beside.c_str(), path.c_str()));
}

}  // namespace asya::transports::postgres
