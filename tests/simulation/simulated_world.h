// SimulatedWorld: a store, a cluster and a broker in memory that fail on demand, under one clock turned by hand.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/random.h"
#include "ports/cluster.h"
#include "ports/credentials.h"
#include "ports/dead_letter_box.h"
#include "ports/object_store.h"
#include "storage/memory/object_store.h"
#include "tests/simulation/simulated_queues.h"

namespace asya::simulation {

// The memory store with conflicts, lost replies and watches that come late or break. Events are delivered by Deliver
// only.
class SimulatedStore final : public ports::ObjectStore {
 public:
  SimulatedStore(const Clock& clock, Faults& faults) : inner_(clock), faults_(faults) {}

  Result<ports::Record> Create(ports::Record record, const ports::Author& author) override {
    if (faults_.Strike(12)) return Away();
    auto result = inner_.Create(std::move(record), author);
    if (result.ok()) Log(ports::Event::Type::kAdded, *result);
    return Reply(std::move(result));
  }
  Result<ports::Record> Update(ports::Record record, const ports::Precondition& precondition,
                               const ports::Author& author) override {
    if (faults_.Strike(12)) return Away();
    if (faults_.Strike(12)) return Fail(ErrorCode::kConflict, "simulated conflict");
    auto result = inner_.Update(std::move(record), precondition, author);
    if (result.ok()) Log(ports::Event::Type::kModified, *result);
    return Reply(std::move(result));
  }
  Result<ports::Record> Delete(const ports::ObjectKey& key, const ports::Precondition& precondition,
                               const ports::Author& author) override {
    if (faults_.Strike(12)) return Away();
    auto result = inner_.Delete(key, precondition, author);
    if (result.ok()) Log(ports::Event::Type::kDeleted, *result);
    return Reply(std::move(result));
  }
  Result<ports::Record> Get(const ports::ObjectKey& key) override {
    if (faults_.Strike(20)) return Away();
    return inner_.Get(key);
  }
  Result<ports::Page> List(const ports::ListQuery& query) override {
    if (faults_.Strike(20)) return Away();
    return inner_.List(query);
  }
  Result<ports::Revision> Head() override { return inner_.Head(); }
  Result<std::shared_ptr<void>> Watch(const ports::WatchQuery& query, ports::Revision from,
                                      std::shared_ptr<ports::WatchSink> sink) override {
    if (faults_.Strike(8)) return Away();
    auto watch = std::make_shared<OneWatch>();
    watch->resource = query.resource;
    watch->sink = std::move(sink);
    watch->next = 0;
    while (watch->next < log_.size() && log_[watch->next].record.revision <= from) ++watch->next;
    watches_.push_back(watch);
    return std::shared_ptr<void>(watch);
  }
  Result<std::vector<ports::HistoryEntry>> History(const ports::HistoryQuery& query) override {
    return inner_.History(query);
  }
  Status Compact(ports::Revision upto) override { return inner_.Compact(upto); }

  // Hands each watch what it has not seen yet; under faults some of it stays, and some watches break.
  bool Deliver() {
    bool delivered = false;
    for (std::size_t i = 0; i < watches_.size(); ++i) {
      const auto watch = watches_[i].lock();
      if (!watch || watch->closed) continue;
      if (faults_.Strike(60)) {
        watch->closed = true;
        watch->sink->OnClosed(Fail(ErrorCode::kExpired, "simulated end of a watch"));
        continue;
      }
      while (watch->next < log_.size() && !faults_.Strike(3)) {
        const ports::Event event = log_[watch->next++];
        if (event.record.key.resource == watch->resource) watch->sink->OnEvents(std::span(&event, 1));
        delivered = true;
      }
    }
    std::erase_if(watches_, [](const auto& watch) { return watch.expired(); });
    return delivered;
  }
  [[nodiscard]] std::size_t writes() const { return log_.size(); }
  [[nodiscard]] ports::ObjectStore& truth() { return inner_; }
  [[nodiscard]] const std::vector<ports::Event>& log() const { return log_; }

 private:
  struct OneWatch {
    std::string resource;
    std::shared_ptr<ports::WatchSink> sink;
    std::size_t next = 0;
    bool closed = false;
  };
  void Log(ports::Event::Type type, const ports::Record& record) {
    ports::Event event;
    event.type = type;
    event.record = record;
    log_.push_back(std::move(event));
  }
  Result<ports::Record> Reply(Result<ports::Record> result) {
    if (result.ok() && faults_.Strike(15)) return Fail(ErrorCode::kTimeout, "simulated loss of a reply");
    return result;
  }

  storage::memory::ObjectStore inner_;
  Faults& faults_;
  std::vector<ports::Event> log_;
  std::vector<std::weak_ptr<OneWatch>> watches_;
};

// Deployments get one replica nearer to their count at each Step; deleted ones leave one replica at a step.
class SimulatedCluster final : public ports::Cluster {
 public:
  explicit SimulatedCluster(Faults& faults) : faults_(faults) {}
  Result<ports::Applied> Apply(const json::Value& object, const std::string&) override {
    if (faults_.Strike(10)) return Away();
    const json::Value& metadata = *object.Find("metadata");
    const ports::ResourceRef ref{*object.GetString("apiVersion"), *object.GetString("kind"),
                                 metadata.GetString("namespace").value_or(""), *metadata.GetString("name")};
    Child& child = children_[ref];
    json::Value merged = object;
    const json::Value* spec = child.object.Find("spec");
    const json::Value* replicas = spec == nullptr ? nullptr : spec->Find("replicas");
    if (ref.kind == "Deployment" && merged["spec"].Find("replicas") == nullptr && replicas != nullptr) {
      merged["spec"]["replicas"] = *replicas;
    }
    if (!child.deleting && child.object == merged) return ports::Applied{false};
    child.object = std::move(merged);
    child.deleting = false;
    ++writes_;
    Tell(child);
    return ports::Applied{true, taken_.erase(ref) == 1 ? ports::Drift::kDeleted : ports::Drift::kNone};
  }
  Status Delete(const ports::ResourceRef& ref, const std::string& owner_uid) override {
    if (faults_.Strike(10)) return Away();
    const auto found = children_.find(ref);
    if (found == children_.end() || OwnerOf(found->second) != owner_uid) return Ok();
    found->second.deleting = true;
    deleted.push_back(ref.kind);
    ++writes_;
    return Ok();
  }
  Result<std::vector<ports::Observed>> Observe(const std::string& owner_uid) override {
    if (faults_.Strike(15)) return Away();
    std::vector<ports::Observed> observed;
    for (const auto& [ref, child] : children_) {
      if (OwnerOf(child) != owner_uid) continue;
      ports::Observed one{ref, child.object};
      if (!child.status.IsNull()) one.object["status"] = child.status;
      if (child.deleting) one.object["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
      if (held.contains(ref.kind)) one.object["metadata"]["finalizers"] = json::Array{held.at(ref.kind)};
      if (child.seen) {
        one.object["status"]["replicas"] = child.running;
        one.object["status"]["readyReplicas"] = child.running;
      }
      observed.push_back(std::move(one));
    }
    return observed;
  }
  Status Scale(const ports::ResourceRef& deployment, std::int64_t replicas) override {
    if (faults_.Strike(10)) return Away();
    const auto found = children_.find(deployment);
    if (found == children_.end() || found->second.deleting) return Fail(ErrorCode::kNotFound, "no such Deployment");
    found->second.object["spec"]["replicas"] = replicas;
    Tell(found->second);
    return Ok();
  }
  Result<std::vector<ports::Replica>> Replicas(const ports::ResourceRef& deployment) override {
    const auto found = children_.find(deployment);
    if (found == children_.end()) return Fail(ErrorCode::kNotFound, "no such Deployment");
    std::vector<ports::Replica> replicas(static_cast<std::size_t>(found->second.running));
    for (auto& replica : replicas) replica.ready = true;
    return replicas;
  }
  std::shared_ptr<void> Subscribe(std::function<void(const std::string&)> on_change) override {
    on_change_ = std::move(on_change);
    return std::shared_ptr<void>(this, [](void* self) { static_cast<SimulatedCluster*>(self)->on_change_ = nullptr; });
  }
  void Step() {
    for (auto it = children_.begin(); it != children_.end();) {
      Child& child = it->second;
      const json::Value* replicas = child.object.FindPath({"spec", "replicas"});
      const std::int64_t wanted = child.deleting || replicas == nullptr ? 0 : replicas->AsInt();
      const std::int64_t step = child.running < wanted ? 1 : child.running > wanted ? -1 : 0;
      child.running += step;
      const bool first = !child.seen;
      child.seen = true;
      const bool gone = child.deleting && child.running == 0 && !held.contains(it->first.kind);
      const std::string owner = OwnerOf(child);
      it = gone ? children_.erase(it) : std::next(it);
      if ((gone || first || step != 0) && on_change_) on_change_(owner);
    }
  }
  [[nodiscard]] const json::Value* Find(const std::string& kind, const std::string& name) const {
    for (const auto& [ref, child] : children_) {
      if (ref.kind == kind && ref.name == name && !child.deleting) return &child.object;
    }
    return nullptr;
  }
  [[nodiscard]] std::set<std::string> Owners() const {
    std::set<std::string> owners;
    for (const auto& [ref, child] : children_) owners.insert(OwnerOf(child));
    return owners;
  }
  [[nodiscard]] std::int64_t RunningOf(const std::string& name) const {
    for (const auto& [ref, child] : children_) {
      if (ref.kind == "Deployment" && ref.name == name) return child.running;
    }
    return 0;
  }
  // What somebody else says of a child.
  void SetStatus(const std::string& kind, const std::string& name, const json::Value& status) {
    for (auto& [ref, child] : children_) {
      if (ref.kind != kind || ref.name != name) continue;
      child.status = status;
      Tell(child);
    }
  }
  // Somebody's hand in the cluster.
  void Lose(const std::string& kind, const std::string& name) {
    std::vector<Child> lost;
    for (auto it = children_.begin(); it != children_.end();) {
      if (it->first.kind != kind || it->first.name != name) {
        ++it;
        continue;
      }
      taken_.insert(it->first);
      lost.push_back(it->second);
      it = children_.erase(it);
    }
    for (const Child& child : lost) Tell(child);
  }
  [[nodiscard]] std::size_t writes() const { return writes_; }

  std::vector<std::string> deleted;         // kinds, as they were told to go
  std::map<std::string, std::string> held;  // kinds of which none goes for good, with the finalizer

 private:
  struct Child {
    json::Value object;
    json::Value status;
    std::int64_t running = 0;
    bool deleting = false;
    bool seen = false;
  };
  static std::string OwnerOf(const Child& child) { return ports::LabelOf(child.object, ports::kOwnerLabel); }
  void Tell(const Child& child) const {
    if (on_change_) on_change_(OwnerOf(child));
  }

  Faults& faults_;
  std::map<ports::ResourceRef, Child> children_;
  std::set<ports::ResourceRef> taken_;  // lost, and not made again
  std::function<void(const std::string&)> on_change_;
  std::size_t writes_ = 0;
};

// Copies of the Secrets of Transports, by namespace and Transport.
class SimulatedCredentials final : public ports::Credentials {
 public:
  Result<Values> ForServer(const json::Value&) override { return Values{}; }
  Result<std::string> Provide(const json::Value& transport, const std::string& namespace_) override {
    if (ports::CredentialsReference(transport) == nullptr) return std::string();
    copies.insert(namespace_ + "/" + *transport.Find("metadata")->GetString("name"));
    return std::string("1");
  }
  Status Withdraw(const std::string& transport, const std::string& namespace_) override {
    if (refusal) return *refusal;
    copies.erase(namespace_ + "/" + transport);
    return Ok();
  }
  std::shared_ptr<void> Subscribe(std::function<void(const std::string&)>) override { return nullptr; }

  std::set<std::string> copies;
  std::optional<Error> refusal;  // of each withdrawal
};

// Takes the visible ones of a queue.
class SimulatedDeadLetters final : public ports::DeadLetterBox {
 public:
  explicit SimulatedDeadLetters(SimulatedQueues& queues) : queues_(queues) {}
  Result<std::int64_t> Take(const ports::AbandonedWork& work) override {
    auto& queue = queues_.queues.at(work.queue);
    letters[work.queue] += queue.visible;
    return std::exchange(queue.visible, 0);
  }
  std::map<std::string, std::int64_t> letters;

 private:
  SimulatedQueues& queues_;
};

// The pods of others, as a person sets them.
class SimulatedBoundPods final : public ports::BoundPods {
 public:
  void Set(const std::string& namespace_, const std::string& actor, const ports::BoundCount& count) {
    counts_[{namespace_, actor}] = count;
    for (const auto& [id, on_change] : listeners_) on_change(namespace_, actor);
  }
  [[nodiscard]] ports::BoundCount Count(const std::string& namespace_, const std::string& actor) const override {
    const auto found = counts_.find({namespace_, actor});
    return found == counts_.end() ? ports::BoundCount{} : found->second;
  }
  [[nodiscard]] std::shared_ptr<void> Subscribe(
      std::function<void(const std::string& namespace_, const std::string& actor)> on_change) override {
    const int id = next_id_++;
    listeners_[id] = std::move(on_change);
    return {this, [this, id](void*) { listeners_.erase(id); }};
  }

 private:
  std::map<std::pair<std::string, std::string>, ports::BoundCount> counts_;
  std::map<int, std::function<void(const std::string&, const std::string&)>> listeners_;
  int next_id_ = 0;
};

}  // namespace asya::simulation
