#include <utility>

#include "model/ownership/field_set.h"

namespace asya::model {
namespace {

constexpr const char* kSelf = ".";

Status Decode(const json::Value& encoded, std::size_t depth, std::size_t& elements, FieldSet& node) {
  if (encoded.IsNull()) return Ok();
  if (!encoded.IsObject())
    return Invalid("", std::string("a node of fields must be an object, not ") + encoded.TypeName());
  if (depth > kFieldSetDepthLimit) return Invalid("", "the fields are nested too deep");
  for (const auto& [text, below] : encoded.AsObject()) {
    if (text == kSelf) continue;
    if (++elements > kFieldSetElementsLimit) return Invalid("", "too many fields");
    ASYA_TRY(const auto element, ParsePathElement(text));
    if (!element) continue;
    FieldSet& child = node.children[*element];
    ASYA_TRY_STATUS(Decode(below, depth + 1, elements, child));
    child.member = child.member || child.children.empty() || below.Find(kSelf) != nullptr;
  }
  return Ok();
}

}  // namespace

json::Value EncodeFieldSet(const FieldSet& set) {
  json::Object encoded;
  for (const auto& [element, child] : set.children) {
    json::Value below = EncodeFieldSet(child);
    if (child.member && !child.children.empty()) below[kSelf] = json::Object{};
    encoded.emplace(element, std::move(below));
  }
  return encoded;
}

Result<FieldSet> DecodeFieldSet(const json::Value& encoded) {
  FieldSet set;
  std::size_t elements = 0;
  ASYA_TRY_STATUS(Decode(encoded, 1, elements, set));
  return set;
}

}  // namespace asya::model
