// DeleteOptions: how a deletion is meant, from the body or the query of its request.
#pragma once

#include "apiserver/call.h"
#include "apiserver/remove.h"

namespace asya::apiserver {

struct DeleteOptions {
  RemoveOptions remove;
  // orphanDependents=false, the old word for "with its dependents": clients that say it are told 202 while it waits.
  bool old_cascade = false;
};

// 400, 415, 422.
Outcome<DeleteOptions> ParseDeleteOptions(const Call& call);

}  // namespace asya::apiserver
