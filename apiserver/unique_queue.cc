#include "apiserver/unique_queue.h"

#include <utility>

#include "apiserver/object.h"

namespace asya::apiserver {

Admission UniqueQueue(std::function<std::optional<QueueOwner>(const std::string& queue)> find) {
  return [find = std::move(find)](AdmissionRequest& request) -> Outcome<Done> {
    if (request.call.resource->kind.kind != "AsyncActor" || request.old != nullptr) return Done{};
    const std::string queue = model::ActorQueueName(request.object);
    const std::string name = MetadataText(request.object, "name");
    const auto owner = find(queue);
    const bool other = owner && (owner->name != name || owner->namespace_ != MetadataText(request.object, "namespace"));
    if (!other) return Done{};
    const bool named = request.object.FindPath({"spec", "actor"}) != nullptr;
    const std::string message = "Duplicate value: \"" + queue + "\": this queue belongs to actor \"" + owner->name +
                                "\" in namespace \"" + owner->namespace_ + "\"; choose another spec.actor";
    return Invalid(*request.call.resource, name,
                   {{named ? "spec.actor" : "metadata.name", "FieldValueDuplicate", message}});
  };
}

}  // namespace asya::apiserver
