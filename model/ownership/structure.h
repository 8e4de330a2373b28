// Structure: how objects are merged, compared and pruned by their schema, after the rules of Kubernetes' structured
// merge: a granular map or keyed list is looked into, an atomic one is one value.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "core/json/value.h"
#include "model/ownership/field_set.h"
#include "model/schema.h"
#include "model/validation.h"

namespace asya::model {

// What a value is to a merge.
enum class Form {
  kLeaf,  // one value: a scalar, what is atomic, what is not of its schema's type
  kMap,   // member by member
  kList,  // element by element, found again by keys or value
};
Form FormOf(const Schema& schema, const json::Value& value);

// The schema of a member; of any value where the member is not described.
const Schema& MemberSchema(const Schema& schema, std::string_view name);
// Of the elements of a list of Form::kList.
const Schema& ElementSchema(const Schema& schema);
// How the element of such a list is found again; nullopt when it has none of its keys.
std::optional<PathElement> ElementOf(const Schema& list, const json::Value& item);

// Null, {} or [].
bool IsBlank(const json::Value& value);

// What an applied configuration claims: leaves, elements of lists, and maps only where they are empty or their key is
// free (labels).
FieldSet FieldsOf(const Schema& schema, const json::Value& config);

// `live` with `config` over it. Elements of lists come in the order of `config`; those that only `live` has keep their
// place among their neighbours. An empty map or list in `config` empties nothing that is granular.
json::Value Merge(const Schema& schema, const json::Value& live, const json::Value& config);

struct Comparison {
  FieldSet added;
  FieldSet removed;
  FieldSet modified;
};
// Granular maps and elements that come or go count themselves, with all that is in them.
Comparison Compare(const Schema& schema, const json::Value& before, const json::Value& after);

// `object` without every member and element whose path is in `set`. A map or list that this empties goes too, unless it
// is in `kept`; without `kept` it becomes null, in which FieldsOf finds it.
json::Value WithoutFields(const Schema& schema, json::Value object, const FieldSet& set, const FieldSet* kept);

// `set`, with every described member that has something of the set below it.
FieldSet WithNamedFields(const Schema& schema, const FieldSet& set);

// Elements without a key, and repeated ones: a configuration with those cannot be applied.
std::vector<Cause> CheckElements(const Schema& schema, const json::Value& config);

}  // namespace asya::model
