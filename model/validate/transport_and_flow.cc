#include "model/validate/causes.h"

namespace asya::model {
namespace {

// What each block must hold to be reached at all.
struct BlockNeeds {
  const char* type;
  std::vector<const char*> fields;
};

const std::vector<BlockNeeds>& Needs() {
  static const std::vector<BlockNeeds> needs = {
      {"sqlite", {}}, {"postgres", {}}, {"rabbitmq", {"host"}}, {"sqs", {"region"}}, {"pubsub", {"projectId"}}};
  return needs;
}

void CheckRouted(const json::Value& actor, const std::string& path, Causes& causes) {
  if (actor.IsString() && IsSystemEnd(actor.AsString())) {
    AddInvalid(causes, path, actor, "must be an actor of yours: every envelope reaches x-sink by itself");
  }
}

}  // namespace

void CheckTransport(const json::Value& spec, Causes& causes) {
  const auto type = spec.GetString("type");
  if (!type) return;
  for (const BlockNeeds& needs : Needs()) {
    const json::Value* block = spec.Find(needs.type);
    const std::string path = std::string("spec.") + needs.type;
    if (needs.type != *type) {
      if (block != nullptr)
        AddForbidden(causes, path, "spec.type is " + json::Quote(*type) + ": only the block of that name is allowed");
      continue;
    }
    for (const char* field : needs.fields) {
      if (block == nullptr || block->Find(field) == nullptr) AddRequired(causes, path + "." + field, "");
    }
  }
}

void CheckFlow(const json::Value& spec, Causes& causes) {
  if (const json::Value* entrypoint = spec.Find("entrypoint")) CheckRouted(*entrypoint, "spec.entrypoint", causes);
  const json::Value* route = spec.Find("routeNext");
  if (route == nullptr || !route->IsArray()) return;
  for (std::size_t i = 0; i < route->AsArray().size(); ++i) {
    CheckRouted(route->AsArray()[i], "spec.routeNext[" + std::to_string(i) + "]", causes);
  }
}

}  // namespace asya::model
