#include "model/ownership/field_set.h"

#include <utility>

namespace asya::model {
namespace {

void Visit(const FieldSet& set, Path& path, const std::function<void(const Path&)>& visit) {
  for (const auto& [element, child] : set.children) {
    if (!child.member) continue;
    path.push_back(element);
    visit(path);
    path.pop_back();
  }
  for (const auto& [element, child] : set.children) {
    if (child.children.empty()) continue;
    path.push_back(element);
    Visit(child, path, visit);
    path.pop_back();
  }
}

}  // namespace

void FieldSet::Insert(const Path& path) {
  FieldSet* at = this;
  for (const PathElement& element : path) at = &at->children[element];
  at->member = true;
}

bool FieldSet::Has(const Path& path) const {
  const FieldSet* at = this;
  for (const PathElement& element : path) {
    const auto found = at->children.find(element);
    if (found == at->children.end()) return false;
    at = &found->second;
  }
  return at->member;
}

FieldSet Union(const FieldSet& a, const FieldSet& b) {
  FieldSet both = a;
  both.member = a.member || b.member;
  for (const auto& [element, child] : b.children) {
    const auto [place, is_new] = both.children.try_emplace(element, child);
    if (!is_new) place->second = Union(place->second, child);
  }
  return both;
}

FieldSet Intersection(const FieldSet& a, const FieldSet& b) {
  FieldSet common;
  common.member = a.member && b.member;
  for (const auto& [element, child] : a.children) {
    const auto other = b.children.find(element);
    if (other == b.children.end()) continue;
    FieldSet below = Intersection(child, other->second);
    if (!below.empty()) common.children.emplace(element, std::move(below));
  }
  return common;
}

FieldSet Difference(const FieldSet& a, const FieldSet& b) {
  FieldSet rest;
  rest.member = a.member && !b.member;
  for (const auto& [element, child] : a.children) {
    const auto other = b.children.find(element);
    FieldSet below = other == b.children.end() ? child : Difference(child, other->second);
    if (!below.empty()) rest.children.emplace(element, std::move(below));
  }
  return rest;
}

void ForEachPath(const FieldSet& set, const std::function<void(const Path&)>& visit) {
  Path path;
  Visit(set, path, visit);
}

}  // namespace asya::model
