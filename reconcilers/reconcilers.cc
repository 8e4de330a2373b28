#include "reconcilers/reconcilers.h"

#include <set>
#include <utility>

namespace asya::reconcilers {
namespace {

// The source that looks for queues that went missing at the broker.
constexpr const char* kQueues = "queues";

// Every kind that can own or be owned.
const std::vector<std::string>& CollectedResources() {
  static const std::vector<std::string> all{kActors,       kFlows,     kFlavors,   kTransports,
                                            kCompositions, kFunctions, kNamespaces};
  return all;
}

World With(const World& world, QueueAdmins& queues) {
  return {world.store,       world.cluster, world.composer,        world.scaler,       queues,          world.clock,
          world.credentials, world.events,  world.namespace_state, world.dead_letters, world.bound_pods};
}

Key KeyOf(const ports::Record& record) { return Key{record.key.namespace_, record.key.name}; }

}  // namespace

Reconcilers::Reconcilers(const World& world, ReconcilerSettings settings, const observe::Logger& log,
                         std::uint64_t seed)
    : queues_(world.queues, world.clock),
      world_(With(world, queues_)),
      settings_(std::move(settings)),
      log_(log),
      random_(seed),
      credentials_reconciler_(world_, settings_),
      actor_reconciler_(world_, settings_, log_, credentials_reconciler_,
                        [this](const Key& k) { withdrawals_.queue().Add(k); }),
      crew_reconciler_(world_, settings_, index_),
      flow_reconciler_(world_, index_),
      namespace_reconciler_(world_.store, world_.clock),
      transport_reconciler_(world_),
      flavor_reconciler_(world_),
      depth_reconciler_(world_, settings_),
      queue_drift_(world_.queues, log_, settings_.metrics),
      garbage_collector_(world_.store, world_.clock, owners_, CollectedResources()),
      actors_("actors", {world_.clock, random_, log_, settings_.metrics}, [this](const Key& k) { return Actor(k); }),
      crew_("crew", {world_.clock, random_, log_, settings_.metrics},
            [this](const Key& k) { return crew_reconciler_.Reconcile(k); }),
      flows_("flows", {world_.clock, random_, log_, settings_.metrics},
             [this](const Key& k) { return flow_reconciler_.Reconcile(k); }),
      namespaces_("namespaces", {world_.clock, random_, log_, settings_.metrics},
                  [this](const Key& k) { return namespace_reconciler_.Reconcile(k); }),
      transports_("transports", {world_.clock, random_, log_, settings_.metrics},
                  [this](const Key& k) { return transport_reconciler_.Reconcile(k); }),
      flavors_("flavors", {world_.clock, random_, log_, settings_.metrics},
               [this](const Key& k) { return flavor_reconciler_.Reconcile(k); }),
      depths_("depths", {world_.clock, random_, log_, settings_.metrics},
              [this](const Key& k) { return depth_reconciler_.Reconcile(k); }),
      garbage_("garbage", {world_.clock, random_, log_, settings_.metrics},
               [this](const Key& k) { return garbage_collector_.Reconcile(k); }),
      withdrawals_("withdrawals", {world_.clock, random_, log_, settings_.metrics},
                   [this](const Key& k) { return credentials_reconciler_.Reconcile(k); }),
      sources_("sources", {world_.clock, random_, log_, settings_.metrics},
               [this](const Key& k) { return Source(k); }) {
  WatchObjects();
}

Reconcilers::~Reconcilers() { Stop(); }

void Reconcilers::AddWatch(const std::string& resource,
                           std::function<void(const ports::Record&, bool deleted)> on_object) {
  ObjectWatch::Events events;
  events.on_event = [this, on_object](const ports::Event& event) {
    const bool deleted = event.type == ports::Event::Type::kDeleted;
    on_object(event.record, deleted);
    Collect(deleted ? owners_.Remove(event.record) : owners_.Put(event.record));
  };
  events.on_list = [this, on_object, resource](const ports::Records& all) {
    if (resource == kActors) {
      OnActorList(all);
    } else {
      for (const auto& record : all) on_object(record, false);
    }
    Collect(owners_.Replace(resource, all));
  };
  events.on_broken = [this, resource] { sources_.queue().Add(Key{"", resource}); };
  watches_.push_back(std::make_unique<ObjectWatch>(world_.store, resource, std::move(events)));
}

void Reconcilers::WatchObjects() {
  AddWatch(kActors, [this](const ports::Record& record, bool deleted) { OnActor(record, deleted); });
  AddWatch(kFlows, [this](const ports::Record& record, bool deleted) {
    flows_.queue().Add(KeyOf(record));
    if (deleted) namespaces_.queue().Add(Key{"", record.key.namespace_});
  });
  AddWatch(kNamespaces, [this](const ports::Record& record, bool) { namespaces_.queue().Add(KeyOf(record)); });
  AddWatch(kFlavors, [this](const ports::Record& record, bool) {
    flavors_.queue().Add(KeyOf(record));
    for (const auto& key : index_.WithFlavor(record.key.name)) actors_.queue().Add(key);
  });
  AddWatch(kTransports, [this](const ports::Record& record, bool) {
    transports_.queue().Add(KeyOf(record));
    for (const auto& key : index_.WithTransport(record.key.name)) actors_.queue().Add(key);
  });
  // Nothing acts on these but the garbage collector.
  for (const char* resource : {kCompositions, kFunctions}) AddWatch(resource, [](const ports::Record&, bool) {});
}

void Reconcilers::Collect(const OwnerIndex::Keys& keys) {
  if (!settings_.collect_garbage) return;
  for (const ports::ObjectKey& key : keys) garbage_.queue().Add(CollectorKey(key));
}

void Reconcilers::ActorsChanged(const std::string& namespace_) {
  crew_.queue().Add(Key{namespace_, ""});
  flows_.queue().Add(Key{namespace_, ""});
  namespaces_.queue().Add(Key{"", namespace_});
}

void Reconcilers::OnActor(const ports::Record& record, bool deleted) {
  const Key key = KeyOf(record);
  if (deleted) {
    index_.Remove(key);
    actors_.queue().Add(key);
    ActorsChanged(key.namespace_);
    return;
  }
  const auto actor = Decode(record);
  if (!actor.ok()) return;
  const auto transport = index_.CommonTransport(key.namespace_);
  const auto change = index_.Put(key, record.uid, actor->object);
  if (change == ActorIndex::Change::kNone) return;  // our own status writes must not wake us
  actors_.queue().Add(key);
  if (change == ActorIndex::Change::kNew) {
    ActorsChanged(key.namespace_);
  } else if (index_.CommonTransport(key.namespace_) != transport) {
    crew_.queue().Add(Key{key.namespace_, ""});
  }
}

void Reconcilers::OnActorList(const ports::Records& all) {
  std::set<Key> present;
  std::set<std::string> namespaces;
  for (const auto& record : all) {
    present.insert(KeyOf(record));
    namespaces.insert(record.key.namespace_);
    OnActor(record, false);
    actors_.queue().Add(KeyOf(record));  // also where nothing seems new: this is how work lost to a crash is found
  }
  // What another server could not take away before it ended.
  if (!std::exchange(looked_at_copies_, true)) {
    for (const std::string& name : namespaces) withdrawals_.queue().Add(Key{name, ""});
  }
  for (const auto& key : index_.Retain(present)) {
    actors_.queue().Add(key);
    ActorsChanged(key.namespace_);
  }
}

Outcome Reconcilers::Actor(const Key& key) {
  const Outcome outcome = actor_reconciler_.Reconcile(key);
  // What it wrote of the queue's depth may be old at once, and the hint may have been lost.
  depths_.queue().AddAfter(key, settings_.depth_pause);
  return outcome;
}

Outcome Reconcilers::Source(const Key& key) {
  if (key.name == kQueues) return FindMissingQueues();
  for (const auto& watch : watches_) {
    if (watch->resource() != key.name) continue;
    const auto opened = watch->Open();
    if (!opened.ok()) return Failed{opened.error()};
  }
  return Settled{};
}

Outcome Reconcilers::FindMissingQueues() {
  const auto all = index_.Queues();
  std::vector<std::string> names;
  for (const auto& [queue, key] : all) names.push_back(queue);
  const std::vector<std::string> missing = queue_drift_.Missing(names);
  const std::set<std::string> gone(missing.begin(), missing.end());
  for (const auto& [queue, key] : all) {
    if (gone.contains(queue)) actors_.queue().Add(key);
  }
  return RequeueAfter{settings_.queue_drift_poll};
}

void Reconcilers::Prepare() {
  subscriptions_.push_back(world_.cluster.Subscribe([this](const std::string& owner_uid) {
    if (const auto key = index_.ByUid(owner_uid)) actors_.queue().Add(*key);
  }));
  if (world_.credentials != nullptr) {
    subscriptions_.push_back(world_.credentials->Subscribe([this](const std::string& transport) {
      transports_.queue().Add(Key{"", transport});
      for (const auto& key : index_.WithTransport(transport)) actors_.queue().Add(key);
    }));
  }
  if (world_.bound_pods != nullptr) {
    subscriptions_.push_back(
        world_.bound_pods->Subscribe([this](const std::string& namespace_, const std::string& actor) {
          for (const auto& key : index_.WithIdentity(namespace_, actor)) actors_.queue().Add(key);
        }));
  }
  for (ports::QueueAdmin* admin : world_.queues.All()) {
    subscriptions_.push_back(admin->SubscribeHints([this](const std::string& queue) {
      if (const auto owner = index_.ByQueue(queue)) depths_.queue().AddAfter(owner->key, settings_.depth_pause);
    }));
  }
  for (const auto& watch : watches_) sources_.queue().Add(Key{"", watch->resource()});
  sources_.queue().AddAfter(Key{"", kQueues}, settings_.queue_drift_poll);
}

void Reconcilers::Start() {
  Prepare();
  actors_.Start(settings_.workers);
  for (Controller* controller :
       {&crew_, &flows_, &namespaces_, &transports_, &flavors_, &depths_, &garbage_, &withdrawals_, &sources_})
    controller->Start(1);
}

void Reconcilers::Stop() {
  subscriptions_.clear();
  sources_.Stop();
  for (const auto& watch : watches_) watch->Close();
  const auto all = {&actors_,  &crew_,   &flows_,   &namespaces_, &transports_,
                    &flavors_, &depths_, &garbage_, &withdrawals_};
  // None begins anything while another one finishes what it has in hand.
  for (Controller* controller : all) controller->queue().Stop();
  for (Controller* controller : all) controller->Stop();
}

bool Reconcilers::RunOne() {
  bool worked = false;
  for (Controller* controller : {&sources_, &actors_, &crew_, &flows_, &namespaces_, &transports_, &flavors_, &depths_,
                                 &garbage_, &withdrawals_}) {
    worked = controller->RunOne() || worked;
  }
  return worked;
}

std::optional<SteadyTime> Reconcilers::NextAt() const {
  std::optional<SteadyTime> next;
  for (const Controller* controller : {&sources_, &actors_, &crew_, &flows_, &namespaces_, &transports_, &flavors_,
                                       &depths_, &garbage_, &withdrawals_}) {
    const auto at = controller->queue().NextAt();
    if (at && (!next || *at < *next)) next = at;
  }
  return next;
}

}  // namespace asya::reconcilers
