// Negotiate: which form of an answer the Accept header asks for.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace asya::apiserver {

enum class Shape { kObject, kTable, kPartialObject, kPartialObjectList };

struct Accepted {
  Shape shape = Shape::kObject;
  std::string version = "v1";  // of meta.k8s.io, for tables and partial objects
  friend bool operator==(const Accepted&, const Accepted&) = default;
};

// The first media type of the list that can be served; nullopt when there is none (406). Empty means application/json.
std::optional<Accepted> NegotiateObject(std::string_view accept);
// Whether aggregated discovery v2 is asked for before plain JSON; nullopt for 406.
std::optional<bool> NegotiateDiscovery(std::string_view accept);
// The first media type of the list that is among `types`, where a wildcard stands for the first of these; parameters do
// not count.
std::optional<std::string> FirstAccepted(std::string_view accept, const std::vector<std::string>& types);
// Whether plain JSON will do.
bool AcceptsJson(std::string_view accept);

}  // namespace asya::apiserver
