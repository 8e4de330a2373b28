// `asya-server bump-revision`: the last step of bringing back a backup, before the servers start.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"
#include "ports/object_store.h"
#include "server/options.h"

namespace asya::server {

struct BumpOptions {
  std::string database_url;   // PostgreSQL; exactly one of the two
  std::string database_file;  // SQLite; it has to be there
};

// All mistakes; empty when the options are complete.
std::vector<Error> ParseBumpOptions(const std::vector<std::string>& arguments, const Environment& environment,
                                    BumpOptions& options);

// The revision that the store goes on from. kConflict where a server has the file.
Result<ports::Revision> BumpRevision(const BumpOptions& options);

}  // namespace asya::server
