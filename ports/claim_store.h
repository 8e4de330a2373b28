// ClaimStore: keeps payloads that are too large for a queue, each under the root of its envelope and by its content
// (spec 06, claim check), and beside them the marks by which it is known when all of them may go.
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

// Names one payload. Its place in the store is "{folder}/{sha256}", the folder made of the root's id.
struct ClaimKey {
  std::string root;    // id of the envelope that it came from: model::RootOf
  std::string sha256;  // of the payload's bytes, 64 lower case hexadecimal digits
};

// Everything that is kept for one root.
struct ClaimFolder {
  std::string name;                // ClaimFolderName() of the root's id
  WallTime newest{};               // when something was last written into it, or put again with the same content
  std::vector<std::string> names;  // of payloads and of marks (ports/claim_marks.h)
  bool whole = true;               // false: there is more than the store listed
};

// An id of letters, digits, "-" and "_" that does not begin with "sha256-" is its own folder; any other is hashed:
// "sha256-…".
std::string ClaimFolderName(std::string_view id);

// Blocking, from any thread; each call ends within its timeout where the store is reached over a network. What one call
// has done is seen by every call that begins after it.
class ClaimStore {
 public:
  virtual ~ClaimStore() = default;
  // Durable when it returns ok. False: the same content was there already and was not written again, but counts as new.
  // kUnavailable, kTimeout: try again.
  virtual Result<bool> Put(const ClaimKey& key, std::string_view payload, std::chrono::milliseconds timeout) = 0;
  // As it was put, unchecked (ReadClaim checks). kNotFound; kTooLarge above `limit_bytes`; kUnavailable, kTimeout.
  virtual Result<std::string> Get(const ClaimKey& key, std::size_t limit_bytes, std::chrono::milliseconds timeout) = 0;
  // Makes a mark: a name without content. Durable, idempotent.
  virtual Status SetMark(const std::string& folder, const std::string& mark, std::chrono::milliseconds timeout) = 0;
  virtual Result<bool> HasMark(const std::string& folder, const std::string& mark,
                               std::chrono::milliseconds timeout) = 0;
  // Folders that follow the one of the name `after`, at most `limit`, in an order of the store's own that stays.
  virtual Result<std::vector<ClaimFolder>> List(const std::string& after, std::size_t limit,
                                                std::chrono::milliseconds timeout) = 0;
  // One folder; without names when there is none.
  virtual Result<ClaimFolder> Look(const std::string& folder, std::chrono::milliseconds timeout) = 0;
  // Removes these, in this order, and the folder when it is empty. Idempotent: what is not there is gone.
  virtual Status Remove(const std::string& folder, const std::vector<std::string>& names,
                        std::chrono::milliseconds timeout) = 0;
  // For the end of a process: no call lasts longer than until then, whatever its timeout; also none that runs now.
  // It may be about a second later, and later still where credentials are being asked for. Nothing to do where no
  // network is between.
  virtual void EndBy(SteadyTime /*time*/) {}
};

// The payload, if it has this size and the hash of its key. kInvalid: what is stored is something else.
Result<std::string> ReadClaim(ClaimStore& store, const ClaimKey& key, std::size_t bytes,
                              std::chrono::milliseconds timeout);

}  // namespace asya::ports
