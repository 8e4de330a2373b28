// Path: the name of a place in an object as messages show it: "spec.env[0].name", "spec.nodeSelector[disk]".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace asya::model {

// The member `name` of what stands at `path`; an empty path is the object itself.
inline std::string MemberPath(std::string_view path, std::string_view name) {
  std::string text(path);
  if (!text.empty()) text += '.';
  text += name;
  return text;
}

// The entry `key` of a map.
inline std::string EntryPath(std::string_view path, std::string_view key) {
  std::string text(path);
  text += '[';
  text += key;
  text += ']';
  return text;
}

// The element `index` of a list.
inline std::string ElementPath(std::string_view path, std::size_t index) {
  return EntryPath(path, std::to_string(index));
}

}  // namespace asya::model
