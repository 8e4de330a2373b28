#include "model/transport_choice.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "model/kinds.h"

namespace asya::model {
namespace {

// What `part` of the actor says of its transport.
std::optional<std::string> TransportIn(const json::Value& actor, const char* part) {
  const json::Value* holder = actor.Find(part);
  return holder == nullptr ? std::nullopt : holder->GetString("transport");
}

std::optional<json::Value> FindByName(const std::string& name, std::vector<json::Value>& transports,
                                      const json::Value& fallback) {
  const auto found = std::ranges::find(transports, name, NameOf);
  if (found != transports.end()) return std::move(*found);
  return NameOf(fallback) == name ? std::optional(fallback) : std::nullopt;
}

std::string Listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    text += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
  }
  return text;
}

}  // namespace

bool IsDefaultTransport(const json::Value& transport) {
  const json::Value* spec = transport.Find("spec");
  return spec != nullptr && spec->GetBool("default").value_or(false);
}

Result<json::Value> ChooseTransport(const json::Value& actor, std::vector<json::Value> transports,
                                    const json::Value& fallback) {
  if (const auto named = TransportIn(actor, "spec")) {
    if (auto found = FindByName(*named, transports, fallback)) return std::move(*found);
    return Error{ErrorCode::kNotFound, "there is no Transport " + *named, "spec.transport"};
  }
  std::vector<std::string> marked;
  for (const json::Value& transport : transports) {
    if (IsDefaultTransport(transport)) marked.push_back(NameOf(transport));
  }
  if (marked.size() == 1) return std::move(*std::ranges::find_if(transports, IsDefaultTransport));
  if (marked.size() > 1) {
    if (const auto current = TransportIn(actor, "status")) {
      if (auto found = FindByName(*current, transports, fallback)) return std::move(*found);
    }
    std::ranges::sort(marked);
    return Error{
        ErrorCode::kNotFound,
        "Transports " + Listed(marked) +
            " are all marked as default, and only one may be; name one in spec.transport, or unmark the others",
        kSeveralDefaults};
  }
  if (!fallback.IsNull()) return *FindByName(NameOf(fallback), transports, fallback);
  return Error{ErrorCode::kNotFound, "no Transport is marked as default; name one in spec.transport", "spec.transport"};
}

}  // namespace asya::model
