// Ownership: metadata.managedFields of what is about to be stored, and the refusal of an apply that others stand in the
// way of.
#pragma once

#include <string>
#include <vector>

#include "apiserver/call.h"
#include "apiserver/options.h"
#include "model/ownership/managers.h"

namespace asya::apiserver {

// Where the managedFields of an object that is about to be stored come from.
enum class Ownership {
  kTracked,  // from what the write changes
  kDecided,  // the object brings them: an apply has decided
};

// Takes metadata.managedFields out of the object; null where there is none.
json::Value TakeManagedFields(json::Value& object);
void PutManagedFields(const model::Managers& managers, json::Value& object);

// The manager is the one that is named, or the product at the beginning of the user agent.
model::FieldWriter WriterOf(const Context& context, const Call& call, const WriteOptions& options);

// What was stored before a write; `object` is null on a create.
struct Before {
  json::Value object;  // without managedFields
  json::Value managed_fields;
};

// Gives `object` its managedFields after an update. `sent` is what the client wrote there: a valid list stands for the
// stored one, an empty one (or [{}]) forgets all owners, anything else is passed over, as is all of it on a
// subresource.
void TrackOwners(const Call& call, const model::FieldWriter& writer, const Before& before, const json::Value& sent,
                 json::Value& object);

// Whether they differ in nothing but the times of their managers: then there is nothing to store.
bool SameButForTimes(const json::Value& a, const json::Value& b);

// 409 with a cause a conflict. `shown_version` is the API version that the caller knows the updates by.
StatusError ApplyConflict(const std::vector<model::FieldConflict>& conflicts, const std::string& shown_version);

}  // namespace asya::apiserver
