// The errors of refused writes and reads: the same words from every store.
#pragma once

#include <optional>
#include <string>

#include "core/base/result.h"
#include "ports/object_store.h"

namespace asya::storage {

// `resource "name"` with the namespace where it has one.
std::string Describe(const ports::ObjectKey& key);
Error AlreadyExists(const ports::ObjectKey& key);
Error NoSuchObject(const ports::ObjectKey& key);
Error Compacted(ports::Revision asked, ports::Revision compacted);
Error NotYetReached(ports::Revision asked, ports::Revision head);
// nullopt when the precondition holds for the stored object.
std::optional<Error> Violation(const ports::Record& stored, const ports::Precondition& precondition);

}  // namespace asya::storage
