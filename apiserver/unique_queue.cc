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
  struct Claim {
    QueueOwner owner;
    SteadyTime at{};
    bool arrived = false;  // it has been seen in the store, so that it is gone for good when it is not there
  };
  // Makes it the claim of `self`, unless somebody else has one: then that one.
  std::optional<Claim> Take(const std::string& queue, const QueueOwner& self, SteadyTime now) {
    const std::lock_guard lock(mutex_);
    const auto [place, is_new] = claims_.try_emplace(queue, Claim{self, now});
    if (!is_new && place->second.owner != self) return place->second;
    place->second = Claim{self, now};
    if (is_new) order_.push_back(queue);
    if (order_.size() > kRecentQueuesMax) {
      claims_.erase(order_.front());
      order_.pop_front();
    }
    return std::nullopt;
  }
  void Arrived(const std::string& queue, const QueueOwner& owner) {
    const std::lock_guard lock(mutex_);
    const auto found = claims_.find(queue);
    if (found != claims_.end() && found->second.owner == owner) found->second.arrived = true;
  }
  // Of one who turned out to be away, unless it was taken meanwhile.
  bool Replace(const std::string& queue, const QueueOwner& before, const QueueOwner& self, SteadyTime now) {
    const std::lock_guard lock(mutex_);
    const auto found = claims_.find(queue);
    if (found == claims_.end() || found->second.owner != before) return false;
    found->second = Claim{self, now};
    return true;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, Claim, std::less<>> claims_;
  std::deque<std::string> order_;  // oldest first
};

// Whether the store has that actor, and the queue is its.
Outcome<bool> Has(ports::ObjectStore& store, const Call& call, const QueueOwner& owner, const std::string& queue) {
  const auto record = store.Get(KeyOf(*call.resource, owner.namespace_, owner.name));
  if (!record.ok() && record.error().code == ErrorCode::kNotFound) return false;
  if (!record.ok()) return FromStore(record.error(), *call.resource, owner.name);
  ASYA_TRY(const json::Value actor, ObjectOf(*record));
  return model::ActorQueueName(actor) == queue;
}

StatusError Clash(const AdmissionRequest& request, const QueueOwner& owner, const std::string& queue) {
  const bool named = request.object.FindPath({"spec", "actor"}) != nullptr;
  const std::string message = "Duplicate value: \"" + queue + "\": this queue belongs to actor \"" + owner.name +
                              "\" in namespace \"" + owner.namespace_ + "\"; choose another spec.actor";
  return Invalid(*request.call.resource, MetadataText(request.object, "name"),
                 {{named ? "spec.actor" : "metadata.name", "FieldValueDuplicate", message}});
}

StatusError ClaimedByAnother(const AdmissionRequest& request, const QueueOwner& owner, const std::string& queue) {
  StatusError error = Conflict(*request.call.resource, MetadataText(request.object, "name"),
                               "actor \"" + owner.name + "\" in namespace \"" + owner.namespace_ +
                                   "\", whose queue would be " + queue + " too, is being created; try again");
  error.retry_after_s = 1;
  return error;
}

using FindOwner = std::function<std::optional<QueueOwner>(const std::string& queue)>;

Outcome<Done> Check(ports::ObjectStore& store, const Clock& clock, const FindOwner& find, RecentQueues& recent,
                    const AdmissionRequest& request) {
  const std::string queue = model::ActorQueueName(request.object);
  const QueueOwner self{MetadataText(request.object, "namespace"), MetadataText(request.object, "name")};
  if (const auto owner = find(queue); owner && *owner != self) {
    recent.Arrived(queue, *owner);
    ASYA_TRY(const bool has, Has(store, request.call, *owner, queue));
    if (has) return Clash(request, *owner, queue);
  }
  const auto other = recent.Take(queue, self, clock.Steady());
  if (!other) return Done{};
  ASYA_TRY(const bool has, Has(store, request.call, other->owner, queue));
  if (has) recent.Arrived(queue, other->owner);
  if (has) return Clash(request, other->owner, queue);
  // It may be between its admission and the store.
  const bool is_fresh = !other->arrived && clock.Steady() - other->at < kClaimTime;
  if (is_fresh || !recent.Replace(queue, other->owner, self, clock.Steady())) {
    return ClaimedByAnother(request, other->owner, queue);
  }
  return Done{};
}

}  // namespace

Admission UniqueQueue(ports::ObjectStore& store, const Clock& clock,
                      std::function<std::optional<QueueOwner>(const std::string& queue)> find) {
  return [&store, &clock, find = std::move(find),
          recent = std::make_shared<RecentQueues>()](AdmissionRequest& request) -> Outcome<Done> {
    if (request.call.resource->kind.kind != "AsyncActor" || request.old != nullptr) return Done{};
    return Check(store, clock, find, *recent, request);
  };
}

}  // namespace asya::apiserver
