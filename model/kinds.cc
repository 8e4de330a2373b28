#include "model/kinds.h"

#include "model/envelope.h"
#include "model/kinds/schemas.h"

namespace asya::model {

const std::vector<KindInfo>& Kinds() {
  static const std::vector<KindInfo> kinds = {AsyncActorKind(), FlavorKind(),      TransportKind(),
                                              FlowKind(),       CompositionKind(), FunctionKind()};
  return kinds;
}

const KindInfo* FindKind(std::string_view plural) {
  for (const KindInfo& kind : Kinds()) {
    if (kind.plural == plural) return &kind;
  }
  return nullptr;
}

const KindInfo* FindKindByName(std::string_view kind_name) {
  for (const KindInfo& kind : Kinds()) {
    if (kind.kind == kind_name) return &kind;
  }
  return nullptr;
}

std::string NameOf(const json::Value& object) {
  const json::Value* name = object.FindPath({"metadata", "name"});
  return name != nullptr && name->IsString() ? name->AsString() : std::string();
}

std::string ActorIdentity(const json::Value& actor) {
  const json::Value* own = actor.FindPath({"spec", "actor"});
  if (own != nullptr && own->IsString() && !own->AsString().empty()) return own->AsString();
  return NameOf(actor);
}

std::string ActorQueueName(const json::Value& actor) {
  const json::Value* namespace_ = actor.FindPath({"metadata", "namespace"});
  const bool named = namespace_ != nullptr && namespace_->IsString() && !namespace_->AsString().empty();
  return QueueName(named ? namespace_->AsString() : "default", ActorIdentity(actor));
}

}  // namespace asya::model
