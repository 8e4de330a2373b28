// Write: the last stage of every update: compares, removes what waited only for its finalizers, stores.
#pragma once

#include <optional>

#include "apiserver/call.h"
#include "apiserver/options.h"
#include "apiserver/prepare.h"

namespace asya::apiserver {

// Of an object as it is stored: patches add to what is there, each within the limit of a body.
inline constexpr std::size_t kStoredBytesMax = 3U << 20U;

struct Written {
  std::string bytes;   // the object as it is now
  bool raced = false;  // somebody else wrote in between: nothing was stored
};

// Takes `object` (with or without resourceVersion) as the new state of `record`. A resourceVersion that is not the
// record's is a conflict; an object that stays the same is not written.
Outcome<Written> Write(const Context& context, Call& call, const WriteOptions& options, const ports::Record& record,
                       json::Value object, Part part, Ownership ownership = Ownership::kTracked);

// 413 for an object that is too large to be stored.
Outcome<Done> CheckSize(const ports::Record& record);

}  // namespace asya::apiserver
