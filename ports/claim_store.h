// ClaimStore: keeps payloads that are too large for a queue, each by the envelope it belongs to and by its content
// (spec 06, claim check).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"

namespace asya::ports {

// Names one payload. Its place in the store is "{folder}/{sha256}", the folder made of the envelope's id.
struct ClaimKey {
  std::string envelope;  // id of the envelope that carries it; a task's own unless it is a fan-out child
  std::string sha256;    // of the payload's bytes, 64 lower case hexadecimal digits
};

// All payloads of one envelope.
struct ClaimFolder {
  std::string name;   // ClaimFolderName() of the envelope's id
  WallTime newest{};  // when one of them was last written, or put again with the same content
};

// An id of letters, digits, "-" and "_" that does not begin with "sha256-" is its own folder; any other is hashed:
// "sha256-…".
std::string ClaimFolderName(std::string_view envelope_id);

// Blocking, from any thread; each call ends within its timeout where the store is reached over a network.
class ClaimStore {
 public:
  virtual ~ClaimStore() = default;
  // Durable when it returns ok. False: the same content was there already and was not written again, but counts as new.
  // kUnavailable, kTimeout: try again.
  virtual Result<bool> Put(const ClaimKey& key, std::string_view payload, std::chrono::milliseconds timeout) = 0;
  // As it was put, unchecked (ReadClaim checks). kNotFound; kTooLarge above `limit_bytes`; kUnavailable, kTimeout.
  virtual Result<std::string> Get(const ClaimKey& key, std::size_t limit_bytes, std::chrono::milliseconds timeout) = 0;
  // Folders whose names follow `after`, at most `limit`, in the order of their names.
  virtual Result<std::vector<ClaimFolder>> List(const std::string& after, std::size_t limit,
                                                std::chrono::milliseconds timeout) = 0;
  // Removes all payloads of a folder, and says how many. Idempotent. What is put meanwhile may stay.
  virtual Result<std::int64_t> Remove(const std::string& folder, std::chrono::milliseconds timeout) = 0;
};

// The payload, if it has this size and the hash of its key. kInvalid: what is stored is something else.
Result<std::string> ReadClaim(ClaimStore& store, const ClaimKey& key, std::size_t bytes,
                              std::chrono::milliseconds timeout);

}  // namespace asya::ports
