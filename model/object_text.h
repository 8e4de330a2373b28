// ObjectText: an object as JSON text of which single members are wanted, as a row of a table wants them.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "core/json/scan.h"
#include "core/json/split.h"

namespace asya::model {

// What is stored may be nested deeper than what is taken now.
inline constexpr std::size_t kObjectTextDepthLimit = 1000;

// The text is walked once and lives longer; nothing of it is decoded. A text that is no object has no members.
class ObjectText {
 public:
  explicit ObjectText(std::string_view text);
  ObjectText(const ObjectText&) = delete;
  ObjectText& operator=(const ObjectText&) = delete;

  // What stands at "metadata.name" or the like, as it is written; empty where nothing does.
  [[nodiscard]] std::string_view At(std::string_view path) const;

 private:
  struct Place {
    std::string_view outer;  // "" for the members of the object itself, "metadata" for those in it
    std::string_view key;
    std::string_view value;
  };
  // Members of the object that begins there and, where `outer` is empty, of the objects in it. False: not sure of it.
  bool Walk(json::Scan& scan, std::string_view outer);
  // The same by the careful parser.
  void Split(std::string_view text, std::string_view outer);

  std::vector<Place> places_;
  std::vector<std::vector<json::Member>> split_;  // which `places_` point into
};

}  // namespace asya::model
