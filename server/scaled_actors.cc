#include "server/scaled_actors.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/json/parse.h"
#include "reconcilers/objects.h"
#include "reconcilers/resolve.h"
#include "reconcilers/scaling_policy.h"

namespace asya::server {
namespace {

using reconcilers::Key;

Key KeyOf(const ports::Record& record) { return {record.key.namespace_, record.key.name}; }

std::string Text(const json::Value& value, std::initializer_list<std::string_view> path) {
  const json::Value* found = value.FindPath(path);
  return found != nullptr && found->IsString() ? found->AsString() : "";
}

// Whose count the ScaledObject sets, if it asks us.
std::optional<ports::ResourceRef> TargetOf(const std::vector<json::Value>& objects, const std::string& namespace_) {
  const auto scaled = std::ranges::find_if(
      objects, [](const json::Value& object) { return object.GetString("kind") == "ScaledObject"; });
  if (scaled == objects.end()) return std::nullopt;
  const json::Value* triggers = scaled->FindPath({"spec", "triggers"});
  const bool asks_us = triggers != nullptr && std::ranges::any_of(triggers->AsArray(), [](const json::Value& trigger) {
                         return trigger.GetString("type") == "external-push";
                       });
  const json::Value* target = scaled->FindPath({"spec", "scaleTargetRef"});
  if (!asks_us || target == nullptr) return std::nullopt;
  return ports::ResourceRef{target->GetString("apiVersion").value_or("apps/v1"),
                            target->GetString("kind").value_or("Deployment"), namespace_,
                            target->GetString("name").value_or("")};
}

}  // namespace

ScaledActors::ScaledActors(Parts parts)
    : parts_(std::move(parts)),
      random_(SystemSeed()),
      actors_("scaled-actors", {parts_.clock, random_, parts_.logger, &parts_.metrics},
              [this](const Key& key) { return Look(key); }),
      sources_("scaled-actors-sources", {parts_.clock, random_, parts_.logger, &parts_.metrics},
               [this](const Key& key) { return OpenWatch(key); }) {
  // What actors refer to comes first.
  for (const char* resource : {reconcilers::kTransports, reconcilers::kFlavors, reconcilers::kActors}) {
    AddWatch(resource);
  }
}

ScaledActors::~ScaledActors() { Stop(); }

void ScaledActors::AddWatch(const std::string& resource) {
  reconcilers::ObjectWatch::Events events;
  events.on_event = [this](const ports::Event& event) {
    Changed(event.record, event.type == ports::Event::Type::kDeleted);
  };
  events.on_list = [this, resource](const ports::Records& all) { Listed(resource, all); };
  events.on_broken = [this, resource] { sources_.queue().Add(Key{"", resource}); };
  watches_.push_back(std::make_unique<reconcilers::ObjectWatch>(parts_.store, resource, std::move(events)));
}

void ScaledActors::Start() {
  for (const auto& watch : watches_) sources_.queue().Add(Key{"", watch->resource()});
  sources_.Start(1);
  actors_.Start(1);
}

void ScaledActors::Stop() {
  if (std::exchange(stopped_, true)) return;
  sources_.Stop();
  for (const auto& watch : watches_) watch->Close();
  actors_.Stop();
}

reconcilers::Outcome ScaledActors::OpenWatch(const Key& key) {
  for (const auto& watch : watches_) {
    if (watch->resource() != key.name) continue;
    if (const Status opened = watch->Open(); !opened.ok()) return reconcilers::Failed{opened.error()};
  }
  return reconcilers::Settled{};
}

void ScaledActors::LookAt(const std::vector<Key>& keys) {
  for (const Key& key : keys) actors_.queue().Add(key);
}

void ScaledActors::Changed(const ports::Record& record, bool deleted) {
  const std::string& resource = record.key.resource;
  if (resource == reconcilers::kActors) return ActorChanged(record, deleted);
  // Which one is the default concerns those that name none, whichever it was before.
  LookAt(resource == reconcilers::kFlavors ? index_.WithFlavor(record.key.name)
                                           : index_.WithTransport(record.key.name));
}

void ScaledActors::ActorChanged(const ports::Record& record, bool deleted) {
  const Key key = KeyOf(record);
  if (deleted) {
    index_.Remove(key);
    return LookAt({key});
  }
  const auto actor = json::Parse(*record.json);
  if (!actor.ok()) return;
  bool news = index_.Put(key, record.uid, *actor) != reconcilers::ActorIndex::Change::kNone;
  {
    // Most changes of a status mean nothing here.
    const std::lock_guard lock(mutex_);
    std::string& transport = transports_[key];
    std::string now = Text(*actor, {"status", "transport"});
    news = news || now != transport;
    transport = std::move(now);
  }
  if (news) LookAt({key});
}

void ScaledActors::Listed(const std::string& resource, const ports::Records& all) {
  if (resource != reconcilers::kActors) return LookAt(index_.All());
  std::set<Key> present;
  for (const ports::Record& record : all) present.insert(KeyOf(record));
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(listed_, true)) unseen_ = present;
  }
  for (const ports::Record& record : all) ActorChanged(record, false);
  LookAt(index_.Retain(present));
  Seen(Key{});  // where there is none at all
}

reconcilers::Outcome ScaledActors::Look(const Key& key) {
  const Status told = Tell(key);
  Seen(key);
  if (told.ok()) return reconcilers::Settled{};
  return reconcilers::Failed{told.error()};
}

void ScaledActors::Seen(const Key& key) {
  {
    const std::lock_guard lock(mutex_);
    unseen_.erase(key);
    if (!listed_ || !unseen_.empty() || std::exchange(complete_, true)) return;
  }
  parts_.complete();
}

Status ScaledActors::Tell(const Key& key) {
  reconcilers::Objects objects(parts_.store, parts_.clock);
  ASYA_TRY(const auto stored, objects.Get(reconcilers::kActors, key.namespace_, key.name));
  if (!stored) {
    const std::lock_guard lock(mutex_);
    transports_.erase(key);
  }
  const auto no_more = [&] {
    parts_.remove(key.namespace_, key.name);
    return Ok();
  };
  if (!stored) return no_more();
  ports::ComposeInput input;
  input.actor = stored->object;
  auto transport = reconcilers::CurrentTransport(objects, input.actor, json::Value());
  auto flavors = reconcilers::ResolveFlavors(objects, input.actor);
  for (const Error* error :
       {transport.ok() ? nullptr : &transport.error(), flavors.ok() ? nullptr : &flavors.error()}) {
    if (error == nullptr) continue;
    // It is told again when what is missing comes.
    return error->code == ErrorCode::kNotFound ? no_more() : Status(*error);
  }
  input.transport = std::move(*transport);
  input.flavors = std::move(*flavors);
  const auto rendered = parts_.composer.Compose(input);
  if (!rendered.ok()) return no_more();  // its status says why
  const auto target = TargetOf(rendered->objects, key.namespace_);
  if (!target) return no_more();
  parts_.set(
      {key.namespace_, key.name, rendered->queue.name, *target, reconcilers::ScalingPolicyOf(rendered->effective_spec)},
      input.transport);
  return Ok();
}

}  // namespace asya::server
