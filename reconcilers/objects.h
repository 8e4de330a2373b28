// Objects: reads and writes of the control plane's own objects, as the reconcilers need them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/json/value.h"
#include "ports/object_store.h"

namespace asya::reconcilers {

inline constexpr const char* kActors = "asyncactors";
inline constexpr const char* kCompositions = "compositions";
inline constexpr const char* kFlavors = "flavors";
inline constexpr const char* kFlows = "flows";
inline constexpr const char* kFunctions = "functions";
inline constexpr const char* kTransports = "transports";
inline constexpr const char* kNamespaces = "namespaces";
inline constexpr const char* kSecrets = "secrets";
inline constexpr const char* kSystemLabel = "asya.sh/system";

// An object with the record it was read from.
struct Stored {
  ports::Record record;
  json::Value object;
};

Result<Stored> Decode(const ports::Record& record);
bool IsBeingDeleted(const json::Value& object);
bool IsSystem(const json::Value& object);

class Objects {
 public:
  Objects(ports::ObjectStore& store, const Clock& clock) : store_(store), clock_(clock) {}
  // As another user, whose deletions are kept in the history.
  Objects(ports::ObjectStore& store, const Clock& clock, std::string user)
      : store_(store), clock_(clock), user_(std::move(user)), keep_deletions_(true) {}

  // nullopt when there is no such object.
  Result<std::optional<Stored>> Get(const std::string& resource, const std::string& namespace_,
                                    const std::string& name);
  Result<std::vector<Stored>> List(const std::string& resource, const std::optional<std::string>& namespace_);
  // With uid, creation time and generation 1.
  Status Create(const std::string& resource, json::Value object);
  // Writes only if `object` differs from what was read; kConflict when somebody else wrote since. Returns what is
  // stored now.
  Result<Stored> Write(const Stored& read, json::Value object);
  Result<Stored> WriteStatus(const Stored& read, json::Value status);
  // Removes it, or marks it as being deleted while finalizers hold it.
  Status Delete(const Stored& read);
  // The finalizer goes; with the last one goes the object, if it is being deleted.
  Status RemoveFinalizer(const Stored& read, const std::string& finalizer);

 private:
  [[nodiscard]] ports::Author AuthorOf(const char* verb) const;
  Result<Stored> WriteAs(const char* verb, const Stored& read, json::Value object);

  ports::ObjectStore& store_;
  const Clock& clock_;
  std::string user_ = "system:asya:reconcilers";
  bool keep_deletions_ = false;
};

}  // namespace asya::reconcilers
