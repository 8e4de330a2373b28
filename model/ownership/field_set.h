// FieldSet: a set of places in an object, the form in which metadata.managedFields says who owns what; its algebra and
// its fieldsV1 encoding.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/json/value.h"

namespace asya::model {

// One step of a path, as fieldsV1 writes it: "f:spec" is a member, "k:{"name":"A"}" the element of a list by its keys,
// "v:"x"" an element of a set by its value, "i:3" an element by its index (other servers wrote it; we only keep it).
using PathElement = std::string;
using Path = std::vector<PathElement>;

PathElement MemberElement(std::string_view name);
PathElement KeyElement(json::Object key);
PathElement ValueElement(json::Value value);

// The element in its canonical form: keys sorted, 1.0 written as 1. nullopt for a kind of element that is not known
// (to be passed over, for the sake of later versions); kInvalid for one that is malformed.
Result<std::optional<PathElement>> ParsePathElement(std::string_view text);

// As messages show it: `.spec.env[name="A"].value`.
std::string DescribePath(const Path& path);

// Members before keys before values before indexes.
struct ElementOrder {
  bool operator()(const PathElement& a, const PathElement& b) const;
};

// A node of the tree of paths. One that is no member and has no children does not exist, but as a root.
struct FieldSet {
  bool member = false;  // the place itself belongs to the set
  std::map<PathElement, FieldSet, ElementOrder> children;

  [[nodiscard]] bool empty() const { return !member && children.empty(); }
  void Insert(const Path& path);
  [[nodiscard]] bool Has(const Path& path) const;
  friend bool operator==(const FieldSet&, const FieldSet&) = default;
};

FieldSet Union(const FieldSet& a, const FieldSet& b);
FieldSet Intersection(const FieldSet& a, const FieldSet& b);
// By exact path: what is below a path of `b` stays.
FieldSet Difference(const FieldSet& a, const FieldSet& b);

// Every path; those that end at a level come before those that go deeper.
void ForEachPath(const FieldSet& set, const std::function<void(const Path&)>& visit);

inline constexpr std::size_t kFieldSetDepthLimit = 100;
inline constexpr std::size_t kFieldSetElementsLimit = 100'000;

// fieldsV1. Equal sets give equal bytes.
json::Value EncodeFieldSet(const FieldSet& set);
// kInvalid for anything malformed, deeper or larger than the limits.
Result<FieldSet> DecodeFieldSet(const json::Value& encoded);

}  // namespace asya::model
