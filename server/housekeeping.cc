#include "server/housekeeping.h"

#include <set>
#include <utility>

#include "core/json/parse.h"
#include "reconcilers/objects.h"

namespace asya::server {
namespace {

using reconcilers::Key;

const std::vector<std::string>& WatchedResources() {
  static const std::vector<std::string> all{
      reconcilers::kActors,     reconcilers::kFlows,        reconcilers::kNamespaces, reconcilers::kFlavors,
      reconcilers::kTransports, reconcilers::kCompositions, reconcilers::kFunctions,  reconcilers::kSecrets};
  return all;
}

Key KeyOf(const ports::Record& record) { return {record.key.namespace_, record.key.name}; }

}  // namespace

Housekeeping::Housekeeping(const Parts& parts)
    : logger_(parts.logger),
      collects_(parts.collects),
      random_(SystemSeed()),
      collector_(parts.store, parts.clock, owners_, WatchedResources()),
      namespace_reconciler_(parts.store, parts.clock),
      garbage_("garbage", {parts.clock, random_, logger_, &parts.metrics},
               [this](const Key& key) { return collector_.Reconcile(key); }),
      namespaces_("namespaces", {parts.clock, random_, logger_, &parts.metrics},
                  [this](const Key& key) { return namespace_reconciler_.Reconcile(key); }),
      sources_("sources", {parts.clock, random_, logger_, &parts.metrics},
               [this](const Key& key) { return OpenWatch(key); }),
      store_(parts.store) {
  for (const std::string& resource : WatchedResources()) {
    if (collects_ || resource == reconcilers::kActors) AddWatch(resource);
  }
}

Housekeeping::~Housekeeping() { Stop(); }

void Housekeeping::AddWatch(const std::string& resource) {
  reconcilers::ObjectWatch::Events events;
  events.on_event = [this](const ports::Event& event) {
    Changed(event.record, event.type == ports::Event::Type::kDeleted);
  };
  events.on_list = [this, resource](const ports::Records& all) { Listed(resource, all); };
  events.on_broken = [this, resource] { sources_.queue().Add(Key{"", resource}); };
  watches_.push_back(std::make_unique<reconcilers::ObjectWatch>(store_, resource, std::move(events)));
}

Status Housekeeping::Start() {
  for (const auto& watch : watches_) ASYA_TRY_STATUS(watch->Open());
  for (reconcilers::Controller* controller : {&garbage_, &namespaces_, &sources_}) controller->Start(1);
  return Ok();
}

void Housekeeping::Stop() {
  if (std::exchange(stopped_, true)) return;
  sources_.Stop();
  for (const auto& watch : watches_) watch->Close();
  for (reconcilers::Controller* controller : {&garbage_, &namespaces_}) controller->Stop();
}

reconcilers::Outcome Housekeeping::OpenWatch(const Key& key) {
  for (const auto& watch : watches_) {
    if (watch->resource() != key.name) continue;
    if (const Status opened = watch->Open(); !opened.ok()) return reconcilers::Failed{opened.error()};
  }
  return reconcilers::Settled{};
}

void Housekeeping::Changed(const ports::Record& record, bool deleted) {
  const std::string& resource = record.key.resource;
  if (resource == reconcilers::kActors) {
    const auto actor = deleted ? Result<json::Value>(json::Value()) : json::Parse(*record.json);
    if (deleted) {
      actors_.Remove(KeyOf(record));
    } else if (actor.ok()) {
      actors_.Put(KeyOf(record), record.uid, *actor);
    }
  }
  if (!collects_) return;
  if (resource == reconcilers::kNamespaces) namespaces_.queue().Add(KeyOf(record));
  if (deleted && !record.key.namespace_.empty()) namespaces_.queue().Add(Key{"", record.key.namespace_});
  Collect(deleted ? owners_.Remove(record) : owners_.Put(record));
}

void Housekeeping::Listed(const std::string& resource, const ports::Records& all) {
  std::set<Key> present;
  for (const ports::Record& record : all) {
    present.insert(KeyOf(record));
    Changed(record, false);
  }
  if (resource == reconcilers::kActors) actors_.Retain(present);
  if (collects_) Collect(owners_.Replace(resource, all));
}

void Housekeeping::Collect(const reconcilers::OwnerIndex::Keys& keys) {
  for (const ports::ObjectKey& key : keys) garbage_.queue().Add(reconcilers::CollectorKey(key));
}

std::optional<apiserver::QueueOwner> Housekeeping::QueueOwner(const std::string& queue) const {
  const auto owner = actors_.ByQueue(queue);
  if (!owner) return std::nullopt;
  return apiserver::QueueOwner{owner->key.namespace_, owner->key.name};
}

}  // namespace asya::server
