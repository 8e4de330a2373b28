#include "webhooks/bindings.h"

#include "core/json/parse.h"
#include "model/kinds.h"
#include "model/transport_choice.h"

namespace asya::webhooks {
namespace {

Result<json::Value> Parsed(const std::string& text) {
  auto parsed = json::Parse(text);
  if (parsed.ok()) return std::move(*parsed);
  return Fail(ErrorCode::kInternal, "an object of the database cannot be read: " + parsed.error().message);
}

std::string Called(const std::string& actor) { return "AsyncActor " + json::Quote(actor); }

}  // namespace

void Bindings::Replace(const std::string& resource, const ports::Records& all) {
  const std::lock_guard lock(mutex_);
  std::vector<ports::ObjectKey> before;
  for (const auto& [key, text] : objects_) {
    if (key.resource == resource) before.push_back(key);
  }
  for (const ports::ObjectKey& key : before) RemoveLocked(key);
  for (const ports::Record& record : all) PutLocked(record);
  told_.insert(resource);
}

void Bindings::Put(const ports::Record& record) {
  const std::lock_guard lock(mutex_);
  PutLocked(record);
}

void Bindings::Remove(const ports::ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  RemoveLocked(key);
}

void Bindings::PutLocked(const ports::Record& record) {
  RemoveLocked(record.key);
  objects_[record.key] = record.json;
  if (record.key.resource != kActors) return;
  const auto actor = json::Parse(*record.json);
  if (!actor.ok()) return;  // damaged; who asks for it is told that there is none
  Identity identity{record.key.namespace_, model::ActorIdentity(*actor)};
  by_identity_[identity].insert(record.key.name);
  identities_[record.key] = std::move(identity);
}

void Bindings::RemoveLocked(const ports::ObjectKey& key) {
  ++changes_;
  objects_.erase(key);
  if (key.resource != kActors) {
    rendered_.clear();
    return;
  }
  rendered_.erase(key);
  const auto found = identities_.find(key);
  if (found == identities_.end()) return;
  const auto names = by_identity_.find(found->second);
  names->second.erase(key.name);
  if (names->second.empty()) by_identity_.erase(names);
  identities_.erase(found);
}

Status Bindings::Ready() const {
  const std::lock_guard lock(mutex_);
  return ReadyLocked();
}

Status Bindings::ReadyLocked() const {
  for (const char* resource : {kActors, kFlavors, kTransports}) {
    if (told_.contains(resource)) continue;
    return Fail(ErrorCode::kUnavailable, std::string("the ") + resource + " have not been read yet; try again");
  }
  return Ok();
}

Result<Bindings::Sources> Bindings::FindActorLocked(const std::string& namespace_, const std::string& actor) const {
  ASYA_TRY_STATUS(ReadyLocked());
  const auto names = by_identity_.find({namespace_, actor});
  if (names != by_identity_.end()) {
    ports::ObjectKey key{kActors, namespace_, *names->second.begin()};
    const Text text = objects_.at(key);
    return Sources{std::move(key), text, changes_};
  }
  std::string message = "there is no " + Called(actor) + " in namespace " + json::Quote(namespace_) +
                        "; create it first, or correct the label asya.sh/actor of the pod";
  const auto other = identities_.find({kActors, namespace_, actor});
  if (other != identities_.end()) message += "; the one of that name goes by " + json::Quote(other->second.second);
  return Fail(ErrorCode::kNotFound, message);
}

// As the reconcilers resolve it for a cluster, where no transport is built in. Until a move is done, that is the one to
// leave: its queue has to be drained, and the other's is not there yet.
Result<json::Value> Bindings::TransportLocked(const json::Value& actor) const {
  const json::Value* current = actor.FindPath({"status", "transport"});
  if (current != nullptr && current->IsString()) {
    const auto found = objects_.find({kTransports, "", current->AsString()});
    if (found != objects_.end()) return Parsed(*found->second);
  }
  std::vector<json::Value> transports;
  for (auto at = objects_.lower_bound({kTransports, "", ""}); at != objects_.end(); ++at) {
    if (at->first.resource != kTransports) break;
    ASYA_TRY(json::Value transport, Parsed(*at->second));
    transports.push_back(std::move(transport));
  }
  return model::ChooseTransport(actor, std::move(transports), json::Value());
}

Result<ports::ComposeInput> Bindings::InputLocked(json::Value actor) const {
  ports::ComposeInput input;
  ASYA_TRY(input.transport, TransportLocked(actor));
  const json::Value* names = actor.FindPath({"spec", "flavors"});
  if (names != nullptr && names->IsArray()) {
    for (const json::Value& name : names->AsArray()) {
      if (!name.IsString()) continue;
      const auto found = objects_.find({kFlavors, "", name.AsString()});
      if (found == objects_.end()) {
        return Error{ErrorCode::kNotFound, "there is no Flavor " + name.AsString(), "spec.flavors"};
      }
      ASYA_TRY(json::Value flavor, Parsed(*found->second));
      input.flavors.push_back(std::move(flavor));
    }
  }
  input.actor = std::move(actor);
  return input;
}

Result<Bindings::Parts> Bindings::Find(const std::string& namespace_, const std::string& name) {
  Sources sources;
  ports::ComposeInput input;
  {
    const std::lock_guard lock(mutex_);
    ASYA_TRY(sources, FindActorLocked(namespace_, name));
    const auto kept = rendered_.find(sources.key);
    if (kept != rendered_.end()) return kept->second;
    ASYA_TRY(json::Value actor, Parsed(*sources.actor));
    if (actor.FindPath({"metadata", "deletionTimestamp"}) != nullptr) {
      return Fail(ErrorCode::kNotFound, Called(name) + " is being deleted; it takes no more pods");
    }
    auto found = InputLocked(std::move(actor));
    if (!found.ok()) {
      Error error = found.error();
      error.message = Called(name) + " waits: " + error.message;
      return error;
    }
    input = std::move(*found);
  }
  auto rendered = composer_.Compose(input);
  if (!rendered.ok()) {
    Error error = rendered.error();
    error.message = Called(name) + " cannot be rendered: " + error.message;
    return error;
  }
  if (!rendered->injected) {
    return Invalid("metadata.labels[asya.sh/inject]",
                   Called(name) +
                       " makes its own pods; give it a spec.workloadRef to bind it to pods of others, or "
                       "take the label off the pod");
  }
  Parts parts = std::make_shared<const ports::InjectedParts>(std::move(*rendered->injected));
  const std::lock_guard lock(mutex_);
  if (changes_ == sources.change) rendered_[sources.key] = parts;
  return parts;
}

}  // namespace asya::webhooks
