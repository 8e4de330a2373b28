#include "apiserver/unique_queue.h"

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "apiserver/object.h"

namespace asya::apiserver {
namespace {

// Who was admitted with which queue. Thread safe.
class RecentQueues {
 public:
  std::optional<QueueOwner> Find(const std::string& queue) {
    const std::lock_guard lock(mutex_);
    const auto found = owners_.find(queue);
    return found == owners_.end() ? std::nullopt : std::optional(found->second);
  }
  void Put(const std::string& queue, QueueOwner owner) {
    const std::lock_guard lock(mutex_);
    if (owners_.insert_or_assign(queue, std::move(owner)).second) order_.push_back(queue);
    if (order_.size() <= kRecentQueuesMax) return;
    owners_.erase(order_.front());
    order_.pop_front();
  }

 private:
  std::mutex mutex_;
  std::map<std::string, QueueOwner, std::less<>> owners_;
  std::deque<std::string> order_;  // oldest first
};

// Whether the store has that actor, and the queue is its.
Outcome<bool> Has(ports::ObjectStore& store, const Call& call, const QueueOwner& owner, const std::string& queue) {
  const auto record = store.Get(KeyOf(*call.resource, owner.namespace_, owner.name));
  if (record.ok()) return model::ActorQueueName(ObjectOf(*record)) == queue;
  if (record.error().code == ErrorCode::kNotFound) return false;
  return FromStore(record.error(), *call.resource, owner.name);
}

StatusError Clash(const AdmissionRequest& request, const QueueOwner& owner, const std::string& queue) {
  const bool named = request.object.FindPath({"spec", "actor"}) != nullptr;
  const std::string message = "Duplicate value: \"" + queue + "\": this queue belongs to actor \"" + owner.name +
                              "\" in namespace \"" + owner.namespace_ + "\"; choose another spec.actor";
  return Invalid(*request.call.resource, MetadataText(request.object, "name"),
                 {{named ? "spec.actor" : "metadata.name", "FieldValueDuplicate", message}});
}

using FindOwner = std::function<std::optional<QueueOwner>(const std::string& queue)>;

Outcome<Done> Check(ports::ObjectStore& store, const FindOwner& find, RecentQueues& recent,
                    const AdmissionRequest& request) {
  const std::string queue = model::ActorQueueName(request.object);
  const QueueOwner self{MetadataText(request.object, "namespace"), MetadataText(request.object, "name")};
  for (const auto& owner : {find(queue), recent.Find(queue)}) {
    if (!owner || *owner == self) continue;
    ASYA_TRY(const bool has, Has(store, request.call, *owner, queue));
    if (has) return Clash(request, *owner, queue);
  }
  recent.Put(queue, self);
  return Done{};
}

}  // namespace

Admission UniqueQueue(ports::ObjectStore& store,
                      std::function<std::optional<QueueOwner>(const std::string& queue)> find) {
  return [&store, find = std::move(find),
          recent = std::make_shared<RecentQueues>()](AdmissionRequest& request) -> Outcome<Done> {
    if (request.call.resource->kind.kind != "AsyncActor" || request.old != nullptr) return Done{};
    return Check(store, find, *recent, request);
  };
}

}  // namespace asya::apiserver
