// Kinds: the resources of asya.sh/v1alpha1 as data, so that API server, CLI tables, docs and compositions read one
// table.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/json/value.h"
#include "model/schema.h"

namespace asya::model {

inline constexpr std::string_view kGroup = "asya.sh";
inline constexpr std::string_view kVersion = "v1alpha1";
inline constexpr std::string_view kApiVersion = "asya.sh/v1alpha1";

// One column of a printed table.
struct Column {
  std::string name;
  std::string type;    // string, integer, boolean, date
  std::string format;  // "name" for the first column, else empty
  std::string description;
  int priority = 0;  // 0: always shown; 1: only with -o wide
  // The cell: a member path from the root of the object; "Ready" style conditions are written "condition:Ready".
  // A path that ends early gives `fallback`.
  std::string path;
  std::string fallback_path;  // tried next, e.g. metadata.name for the actor; may be empty
};

struct KindInfo {
  std::string plural;    // "asyncactors"
  std::string singular;  // "asyncactor"
  std::string kind;      // "AsyncActor"
  std::vector<std::string> short_names;
  std::vector<std::string> categories;
  bool namespaced = true;
  bool has_status = true;
  bool has_scale = false;
  Schema schema;  // whole object: apiVersion, kind, metadata, spec, status
  std::vector<Column> columns;
};

class ObjectText;

const std::vector<KindInfo>& Kinds();
// By plural name ("asyncactors"); nullptr when there is none.
const KindInfo* FindKind(std::string_view plural);
// By kind ("AsyncActor"); nullptr when there is none.
const KindInfo* FindKindByName(std::string_view kind);

// Removes, in place, what the schema does not know, and members that are null; returns the paths of the unknown ones
// ("spec.foo"), sorted.
std::vector<std::string> PruneUnknown(const KindInfo& kind, json::Value& object);

// The cells of the table row of an object as a JSON array, put at the end of `text`, in the order of `kind.columns`: as
// they are written there; a missing value is null, dates are ages ("5m").
void AppendCells(const KindInfo& kind, const ObjectText& object, WallTime now, std::string& text);

// Age as kubectl prints it: "45s", "5m30s", "3h", "2d"; "<invalid>" when `then` lies in the future.
std::string FormatAge(WallTime then, WallTime now);

// metadata.name; empty where there is none.
std::string NameOf(const json::Value& object);
// The logical identity of an AsyncActor: spec.actor, else metadata.name.
std::string ActorIdentity(const json::Value& actor);
// The queue of an AsyncActor object; an object without a namespace counts as one of `default`.
std::string ActorQueueName(const json::Value& actor);

}  // namespace asya::model
