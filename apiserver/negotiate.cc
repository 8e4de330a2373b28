#include "apiserver/negotiate.h"

#include <map>
#include <vector>

namespace asya::apiserver {
namespace {

struct MediaType {
  std::string type;
  std::map<std::string, std::string, std::less<>> parameters;
  [[nodiscard]] std::string Get(std::string_view name) const {
    const auto found = parameters.find(name);
    return found == parameters.end() ? std::string() : found->second;
  }
  [[nodiscard]] bool IsJson() const { return type == "application/json" || type == "*/*" || type == "application/*"; }
};

std::string Trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return std::string(text);
}

MediaType ParseMediaType(std::string_view text) {
  MediaType media;
  bool first = true;
  while (!text.empty()) {
    const std::size_t semicolon = text.find(';');
    const std::string part = Trimmed(text.substr(0, semicolon));
    text = semicolon == std::string_view::npos ? std::string_view() : text.substr(semicolon + 1);
    if (first) {
      media.type = part;
    } else if (const std::size_t equals = part.find('='); equals != std::string::npos) {
      media.parameters[part.substr(0, equals)] = part.substr(equals + 1);
    }
    first = false;
  }
  return media;
}

std::vector<MediaType> ParseAccept(std::string_view accept) {
  std::vector<MediaType> list;
  while (!accept.empty()) {
    const std::size_t comma = accept.find(',');
    list.push_back(ParseMediaType(accept.substr(0, comma)));
    accept = comma == std::string_view::npos ? std::string_view() : accept.substr(comma + 1);
  }
  if (list.empty()) list.push_back(MediaType{"*/*", {}});
  return list;
}

std::optional<Shape> ShapeOf(const MediaType& media) {
  const std::string as = media.Get("as");
  if (as.empty()) return Shape::kObject;
  const std::string version = media.Get("v");
  if (media.Get("g") != "meta.k8s.io" || (version != "v1" && version != "v1beta1")) return std::nullopt;
  if (as == "Table") return Shape::kTable;
  if (as == "PartialObjectMetadata") return Shape::kPartialObject;
  if (as == "PartialObjectMetadataList") return Shape::kPartialObjectList;
  return std::nullopt;
}

}  // namespace

std::optional<Accepted> NegotiateObject(std::string_view accept) {
  for (const MediaType& media : ParseAccept(accept)) {
    if (!media.IsJson()) continue;
    const auto shape = ShapeOf(media);
    if (!shape) continue;
    const std::string version = media.Get("v");
    return Accepted{*shape, version.empty() ? "v1" : version};
  }
  return std::nullopt;
}

std::optional<bool> NegotiateDiscovery(std::string_view accept) {
  for (const MediaType& media : ParseAccept(accept)) {
    if (!media.IsJson()) continue;
    if (media.Get("as").empty()) return false;
    if (media.Get("as") == "APIGroupDiscoveryList" && media.Get("g") == "apidiscovery.k8s.io" && media.Get("v") == "v2")
      return true;
  }
  return std::nullopt;
}

std::optional<std::string> FirstAccepted(std::string_view accept, const std::vector<std::string>& types) {
  for (const MediaType& media : ParseAccept(accept)) {
    if (media.type == "*/*" || media.type == "application/*") return types.front();
    for (const std::string& type : types) {
      if (media.type == type) return type;
    }
  }
  return std::nullopt;
}

bool AcceptsJson(std::string_view accept) {
  for (const MediaType& media : ParseAccept(accept)) {
    if (media.IsJson()) return true;
  }
  return false;
}

}  // namespace asya::apiserver
