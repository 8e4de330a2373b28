#include "model/object_text.h"

#include <algorithm>
#include <utility>

namespace asya::model {
namespace {

constexpr std::size_t kUsualPlaces = 40;

std::vector<json::Member> MembersOf(std::string_view object) {
  json::SplitOptions options;
  options.depth_limit = kObjectTextDepthLimit;
  auto members = json::Split(object, options);
  return members.ok() ? std::move(members).value() : std::vector<json::Member>();
}

}  // namespace

ObjectText::ObjectText(std::string_view text) {
  places_.reserve(kUsualPlaces);
  json::Scan scan(text);
  scan.Space();
  if (Walk(scan, "") && scan.AtEnd()) return;
  places_.clear();
  Split(text, "");
}

bool ObjectText::Walk(json::Scan& scan, std::string_view outer) {
  return json::ReadMembers(scan, [&](std::string_view key) {
    const std::string_view rest = scan.Rest();
    const bool walks = outer.empty() && scan.Peek() == '{';
    if (walks ? !Walk(scan, key) : !scan.Value(kObjectTextDepthLimit)) return false;
    places_.push_back({outer, key, rest.substr(0, rest.size() - scan.Rest().size())});
    return true;
  });
}

void ObjectText::Split(std::string_view text, std::string_view outer) {
  const std::size_t at = split_.size();
  split_.push_back(MembersOf(text));
  // Moved about with the vector around them, members stay where they are.
  const std::size_t count = split_[at].size();
  for (std::size_t i = 0; i < count; ++i) {
    const json::Member& member = split_[at][i];
    places_.push_back({outer, member.key, member.value});
    if (outer.empty() && member.value.starts_with('{')) Split(member.value, member.key);
  }
}

std::string_view ObjectText::At(std::string_view path) const {
  const std::size_t dot = path.find('.');
  const std::string_view outer = dot == std::string_view::npos ? std::string_view() : path.substr(0, dot);
  std::string_view inside = dot == std::string_view::npos ? path : path.substr(dot + 1);
  const std::size_t end = std::min(inside.find('.'), inside.size());
  for (const Place& place : places_) {
    if (place.outer != outer || place.key != inside.substr(0, end)) continue;
    if (end == inside.size()) return place.value;
    return ObjectText(place.value).At(inside.substr(end + 1));
  }
  return {};
}

}  // namespace asya::model
