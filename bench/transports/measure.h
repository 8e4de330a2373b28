// Measure: hops of 1 KiB messages from one queue to the next, by the transports and by plain SQL.
#pragma once

#include <cstddef>
#include <string>

#include "core/base/result.h"

namespace asya::bench {

constexpr std::size_t kBodyBytes = 1024;
constexpr int kHops = 4000;  // in one measurement

struct Hops {
  double per_second = 0;
  double per_commit = 0;
};

struct RawWork {
  int hops = kHops;
  std::size_t body_bytes = kBodyBytes;
  std::size_t batch = 1;  // hops in a commit
};

// A broker and an in-process echo consumer that holds up to `credits` leases, announces each invocation and settles it
// with one publish.
Result<Hops> TransportHops(const std::string& folder, std::size_t credits);
// One connection, no threads: the same rows in the same batches.
Result<Hops> RawHops(const std::string& folder, const RawWork& work);

// The same two on PostgreSQL at `dsn`: one consumer's connection, and one connection with plain SQL.
Result<Hops> PostgresHops(const std::string& dsn, std::size_t credits);
Result<Hops> RawPostgresHops(const std::string& dsn, const RawWork& work);

}  // namespace asya::bench
