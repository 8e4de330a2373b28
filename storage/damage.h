// Damage: what lies in a store and is no object, of an older version or written by hand. It is told and never given
// out: as with etcd behind kube-apiserver, a get and a list that has it fail and name it, and a watch goes on without
// it.
#pragma once

#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "ports/object_store.h"

namespace asya::storage {

// Whether it is not the JSON of an object, in UTF-8, as the port asks for.
bool IsDamaged(std::string_view json);

// Of a damaged one: kInternal with its name and what is wrong.
Error Damaged(const ports::Record& record);
Result<ports::Record> Whole(Result<ports::Record> record);
// The first damaged one fails all: nobody could tell a list that leaves it out from a whole one.
Result<ports::Page> Whole(ports::Page page);

// Leaves of `events` what a watch can be told, in order. False: what comes next cannot be told exactly (the state
// before it is damaged, or one that is damaged goes), so that the watch is to end and its client to list anew.
bool KeepWhole(std::vector<ports::Event>& events);

}  // namespace asya::storage
