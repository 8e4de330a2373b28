// Remove: the deletion of one object, at once or when its finalizers are done.
#pragma once

#include <optional>
#include <string>

#include "apiserver/call.h"

namespace asya::apiserver {

// What becomes of the objects that name this one as their owner. kDefault: as its finalizers say, else background.
enum class Propagation { kDefault, kBackground, kForeground, kOrphan };

struct RemoveOptions {
  bool dry_run = false;
  Propagation propagation = Propagation::kDefault;
  std::optional<std::string> uid;
  std::optional<std::int64_t> revision;
};

struct Removed {
  bool gone = false;  // false: the object waits for its finalizers
  std::string bytes;  // the object, as it is or was
  std::string uid;
};

// Of the object that `call` names. 404, 409.
Outcome<Removed> Remove(const Context& context, const Call& call, const RemoveOptions& options);

}  // namespace asya::apiserver
