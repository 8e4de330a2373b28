#include "storage/preconditions.h"

namespace asya::storage {

std::string Describe(const ports::ObjectKey& key) {
  const std::string place = key.namespace_.empty() ? "" : " in namespace \"" + key.namespace_ + "\"";
  return key.resource + " \"" + key.name + "\"" + place;
}

Error AlreadyExists(const ports::ObjectKey& key) { return Fail(ErrorCode::kExists, Describe(key) + " already exists"); }

Error NoSuchObject(const ports::ObjectKey& key) { return Fail(ErrorCode::kNotFound, Describe(key) + " not found"); }

Error Compacted(ports::Revision asked, ports::Revision compacted) {
  return Fail(ErrorCode::kExpired, "too old resource version: " + std::to_string(asked.get()) + " (" +
                                       std::to_string(compacted.get()) + ")");
}

Error NotYetReached(ports::Revision asked, ports::Revision head) {
  return Invalid("resourceVersion", "Too large resource version: " + std::to_string(asked.get()) +
                                        ", current: " + std::to_string(head.get()));
}

std::optional<Error> Violation(const ports::Record& stored, const ports::Precondition& precondition) {
  if (precondition.uid && *precondition.uid != stored.uid) {
    return Error{ErrorCode::kConflict,
                 Describe(stored.key) + ": the precondition asks for uid " + *precondition.uid +
                     ", but the stored object has uid " + stored.uid + ": it was deleted and created again",
                 "metadata.uid"};
  }
  if (precondition.revision && *precondition.revision != stored.revision) {
    return Error{ErrorCode::kConflict,
                 Describe(stored.key) + " was changed since revision " + std::to_string(precondition.revision->get()) +
                     " (now " + std::to_string(stored.revision.get()) + "): read it again and repeat the change",
                 "metadata.resourceVersion"};
  }
  return std::nullopt;
}

}  // namespace asya::storage
