// Schema: one field of a resource as data (name, type, meaning, limits), the source of validation, pruning, OpenAPI and
// docs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/json/value.h"

namespace asya::model {

enum class SchemaType {
  kString,
  kInteger,
  kNumber,
  kBoolean,
  kObject,    // the members named in `fields`; others too where `preserve_unknown`
  kMap,       // any key; values as `item`
  kList,      // elements as `item`
  kAny,       // any JSON
  kQuantity,  // Kubernetes quantity: a string such as "500m" or "1Gi", or a number
};

// Syntax of a string beyond its type.
enum class Format {
  kNone,
  kGoDuration,       // "600s", "1h30m"; above zero
  kDnsLabel,         // RFC 1123 label, <= 63
  kDnsSubdomain,     // RFC 1123 subdomain, <= 253
  kActorName,        // RFC 1123 label, <= 54
  kEnvironmentName,  // name of an environment variable
  kHandler,          // module.function, module.Class.method, path/file.py:function
  kHttpUrl,          // http:// or https://, without credentials
  kJsonPointer,      // "" or "/a/b"
  kAbsolutePath,     // "/state"
  kImage,            // container image reference: no white space
  kErrorPattern,     // "ValueError" or "requests.exceptions.Timeout"
  kDateTime,         // RFC 3339
};

enum class ListType { kAtomic, kSet, kMap };

struct Schema {
  std::string name;  // of the member; empty for elements and roots
  SchemaType type = SchemaType::kAny;
  std::string description;
  Format format = Format::kNone;
  bool required = false;
  bool preserve_unknown = false;     // kObject: members that are not described stay
  bool secret = false;               // its value is never repeated in a message
  std::vector<std::string> choices;  // kString: the only values; empty means any
  std::optional<std::int64_t> minimum;
  std::optional<std::int64_t> maximum;
  std::optional<std::size_t> max_items;   // kList, kMap
  std::optional<std::size_t> max_length;  // kString, in bytes
  // Shown in docs and set by Compose. Never stored: a stored default would hide every flavor.
  std::optional<json::Value> default_value;
  std::vector<Schema> fields;  // kObject
  std::vector<Schema> item;    // kList and kMap: exactly one
  bool atomic = false;         // kObject, kMap: one value to a merge, taken as a whole
  ListType list_type = ListType::kAtomic;
  std::vector<std::string> list_map_keys;

  // Chained while the tree is written down; each returns the changed schema.
  Schema Required() &&;
  Schema Default(json::Value value) &&;
  Schema As(Format value) &&;
  Schema OneOf(std::vector<std::string> values) &&;
  Schema AtLeast(std::int64_t value) &&;
  Schema AtMost(std::int64_t value) &&;
  Schema MaxItems(std::size_t value) &&;
  Schema MaxLength(std::size_t value) &&;
  Schema Secret() &&;
  Schema Open() &&;                                  // preserve_unknown
  Schema KeyedBy(std::vector<std::string> keys) &&;  // list type map
  Schema AsSet() &&;                                 // list type set
  Schema Atomic() &&;                                // map type atomic

  // The described member of that name, or nullptr.
  [[nodiscard]] const Schema* FindField(std::string_view field) const;
};

Schema String(std::string name, std::string description);
Schema Integer(std::string name, std::string description);
Schema Number(std::string name, std::string description);
Schema Boolean(std::string name, std::string description);
Schema Quantity(std::string name, std::string description);
Schema AnyValue(std::string name, std::string description);
Schema Object(std::string name, std::string description, std::vector<Schema> fields);
Schema Map(std::string name, std::string description, Schema item);
Schema List(std::string name, std::string description, Schema item);

// "a string", "an integer", "an object", … for messages.
const char* SchemaTypeNoun(SchemaType type);

}  // namespace asya::model
