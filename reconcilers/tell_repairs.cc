// What an actor's Events say of what somebody else did to its children and its queue.
#include <set>

#include "core/json/value.h"
#include "reconcilers/actor_reconciler.h"

namespace asya::reconcilers {
namespace {

std::string Place(const std::string& queue, const json::Value& transport) {
  const json::Value* spec = transport.Find("spec");
  return queue + "\n" + (spec == nullptr ? "" : json::Dump(*spec));
}

}  // namespace

void ActorReconciler::TellRepairs(const json::Value& actor, const Pass& pass) {
  std::string text;
  std::set<std::string> told;  // first values and the rest of one child are applied one after the other
  for (const auto& [what, drift] : pass.repaired) {
    if (!told.insert(what).second) continue;
    if (!text.empty()) text += ", ";
    text += what + (drift == ports::Drift::kDeleted ? " was deleted" : " was changed");
  }
  if (!text.empty()) Recorder().Tell(actor, false, "Repaired", text + " by somebody else: it is as it should be again");
  if (!pass.queue_was_gone || pass.facts.queue.ready != Truth::kTrue) return;
  Recorder().Tell(actor, true, "QueueDeleted",
                  "queue " + pass.rendered.queue.name +
                      " was deleted by somebody else, with what lay in it: there is an empty one now");
}

bool ActorReconciler::HadQueue(const Key& key, const Pass& pass) {
  const std::lock_guard lock(mutex_);
  const auto found = queues_.find(key);
  return found != queues_.end() && found->second == Place(pass.rendered.queue.name, pass.input.transport);
}

void ActorReconciler::RememberQueue(const Key& key, const Pass& pass) {
  const std::lock_guard lock(mutex_);
  queues_[key] = Place(pass.rendered.queue.name, pass.input.transport);
}

void ActorReconciler::ForgetQueue(const Key& key) {
  const std::lock_guard lock(mutex_);
  queues_.erase(key);
  silent_since_.erase(key);
  moves_.erase(key);
}

}  // namespace asya::reconcilers
