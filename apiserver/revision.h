// Revision: one kept write of an object: what of it people write, how it is shown, and how it is found again.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "apiserver/call.h"
#include "core/json/value.h"
#include "model/changes.h"
#include "ports/object_store.h"

namespace asya::apiserver {

// The subresources by which the history of an object is read and used; kinds of asya.sh have them.
inline constexpr const char* kHistoryPart = "history";
inline constexpr const char* kDiffPart = "diff";
inline constexpr const char* kRestorePart = "restore";

inline constexpr std::size_t kChangesShownMax = 1000;  // of one comparison; how many more there are is told

// What people write of an object, which is what is compared and restored: all but status, and of metadata the name,
// the namespace, labels and annotations. Finalizers and owners are of controllers, whose writes are not kept; the
// annotation of `kubectl apply` repeats the rest.
json::Value ContentOf(json::Value object);

// Whether what was kept of the write can be decoded; 500. Asked of every entry that comes from the store.
Outcome<Done> CheckEntry(const ports::HistoryEntry& entry);
// The object after the write, which was checked.
json::Value ObjectOf(const ports::HistoryEntry& entry);
// Whether the object was deleted by it, or has been going since.
bool Deletes(const ports::HistoryEntry& entry);
// Who, when, how; without the object.
json::Object HeadOf(const ports::HistoryEntry& entry);

// Puts the members `changes` and, where there are more than can be shown, `changesLeftOut` into `shown`.
void PutChanges(std::vector<model::Change> changes, json::Object& shown);
void PutChanges(const Resource& resource, const json::Value& before, const json::Value& after, json::Object& shown);

// What stands in `?uid=`.
std::optional<std::string> UidOf(const Call& call);
// A revision that a person typed; 400 for anything but a number above zero.
Outcome<ports::Revision> ParseRevisionNumber(const std::string& name, const std::string& text);

// The write of exactly that revision; 404 names the one before it.
Outcome<ports::HistoryEntry> FindRevision(const Context& context, const Call& call,
                                          const std::optional<std::string>& uid, ports::Revision revision);
// The newest one; 404.
Outcome<ports::HistoryEntry> LastRevision(const Context& context, const Call& call,
                                          const std::optional<std::string>& uid);
// The one before it of the same object; nullopt where it is the first that is kept.
Outcome<std::optional<ports::HistoryEntry>> RevisionBefore(const Context& context, const Call& call,
                                                           const ports::HistoryEntry& entry);

}  // namespace asya::apiserver
