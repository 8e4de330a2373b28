#include "reconcilers/resolve.h"

#include "model/transport_choice.h"

namespace asya::reconcilers {

Result<std::vector<json::Value>> ResolveFlavors(Objects& objects, const json::Value& actor) {
  std::vector<json::Value> flavors;
  const json::Value* names = actor.FindPath({"spec", "flavors"});
  if (names == nullptr || !names->IsArray()) return flavors;
  for (const auto& name : names->AsArray()) {
    if (!name.IsString()) continue;
    ASYA_TRY(auto flavor, objects.Get(kFlavors, "", name.AsString()));
    if (!flavor) {
      return Error{ErrorCode::kNotFound, "there is no Flavor " + name.AsString() + "; the actor waits for it",
                   "spec.flavors"};
    }
    flavors.push_back(std::move(flavor->object));
  }
  return flavors;
}

Result<json::Value> ResolveTransport(Objects& objects, const json::Value& actor, const json::Value& fallback) {
  const json::Value* spec = actor.Find("spec");
  const auto name = spec == nullptr ? std::nullopt : spec->GetString("transport");
  std::vector<json::Value> transports;
  if (name) {
    ASYA_TRY(auto transport, objects.Get(kTransports, "", *name));
    if (transport) transports.push_back(std::move(transport->object));
  } else {
    ASYA_TRY(auto all, objects.List(kTransports, std::nullopt));
    for (auto& transport : all) transports.push_back(std::move(transport.object));
  }
  return model::ChooseTransport(actor, std::move(transports), fallback);
}

std::string StatusTransport(const json::Value& actor) {
  const json::Value* status = actor.Find("status");
  return status == nullptr ? "" : status->GetString("transport").value_or("");
}

Result<json::Value> CurrentTransport(Objects& objects, const json::Value& actor, const json::Value& fallback) {
  const std::string name = StatusTransport(actor);
  if (!name.empty()) {
    ASYA_TRY(auto transport, objects.Get(kTransports, "", name));
    if (transport) return std::move(transport->object);
    if (NameOf(fallback) == name) return fallback;
  }
  return ResolveTransport(objects, actor, fallback);
}

}  // namespace asya::reconcilers
