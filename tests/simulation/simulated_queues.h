// SimulatedQueues: a broker of queues that fail now and then, and the one broker of an installation. For simulations.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/random.h"
#include "ports/queue_admin.h"
#include "reconcilers/world.h"

namespace asya::simulation {

// Decides which calls fail.
struct Faults {
  Random& random;
  bool on = false;
  [[nodiscard]] bool Strike(std::int64_t one_in) { return on && random.Between(1, one_in) == 1; }
};

inline Error Away() { return Fail(ErrorCode::kUnavailable, "simulated fault"); }

class SimulatedQueues final : public ports::QueueAdmin, public reconcilers::QueueAdmins {
 public:
  struct Queue {
    std::string owner;
    std::int64_t visible = 0;
    std::int64_t in_flight = 0;
  };
  explicit SimulatedQueues(Faults& faults) : faults_(faults) {}
  Status Ensure(const ports::QueueSpec& spec) override {
    if (Fails(10)) return Away();
    const auto [found, added] = queues.try_emplace(spec.name, Queue{spec.owner_uid});
    if (added) ++writes;
    if (found->second.owner != spec.owner_uid) return Fail(ErrorCode::kConflict, "the queue has another owner");
    return Ok();
  }
  Status Remove(const std::string& name, bool force) override {
    if (Fails(10)) return Away();
    const auto found = queues.find(name);
    if (found == queues.end()) return Ok();
    if (found->second.visible + found->second.in_flight > 0 && !force) {
      return Fail(ErrorCode::kConflict, "the queue is not empty");
    }
    if (consumers && consumers(name) > 0 && !force) return Fail(ErrorCode::kConflict, "the queue has consumers");
    queues.erase(found);
    ++writes;
    return Ok();
  }
  Result<ports::QueueStats> Stats(const std::string& name) override {
    if (Fails(15)) return Away();
    const auto found = queues.find(name);
    if (found == queues.end()) return Fail(ErrorCode::kNotFound, "no such queue");
    ports::QueueStats stats;
    stats.visible = found->second.visible;
    stats.in_flight = found->second.in_flight;
    return stats;
  }
  Result<std::vector<std::string>> List() override {
    std::vector<std::string> names;
    for (const auto& [name, queue] : queues) names.push_back(name);
    return names;
  }
  std::shared_ptr<void> SubscribeHints(std::function<void(const std::string&)> on_work) override {
    auto entry = std::make_shared<std::function<void(const std::string&)>>(std::move(on_work));
    hints_.push_back(entry);
    return entry;
  }
  std::shared_ptr<ports::QueueAdmin> For(const json::Value& transport) override {
    const json::Value* spec = transport.Find("spec");
    SimulatedQueues* found = nullptr;
    if (spec != nullptr && spec->GetString("type") == "postgres") found = second;
    if (spec != nullptr && spec->GetString("type") == "sqlite") found = this;
    return {alive_, found};  // the case owns it
  }
  std::vector<ports::QueueAdmin*> All() override { return {this}; }
  reconcilers::FoundQueues FindMissing(const std::vector<std::string>& names) override {
    reconcilers::FoundQueues found;
    if (silent) found.silent.emplace("rabbit", *silent);
    for (const std::string& name : names) {
      if (queues.count(name) == 0) found.missing.push_back(name);
    }
    return found;
  }
  void Publish(const std::string& name, std::int64_t count) {
    const auto found = queues.find(name);
    if (found == queues.end()) return;
    found->second.visible += count;
    for (const auto& weak : hints_) {
      if (const auto hint = weak.lock()) (*hint)(name);
    }
  }

  std::map<std::string, Queue> queues;
  std::size_t writes = 0;
  bool away = false;
  std::function<void()> on_question;                                // such as one that takes its time
  std::function<std::int64_t(const std::string& queue)> consumers;  // keep a queue; none: the broker asks nobody
  std::optional<Error> silent;                                      // of another broker
  SimulatedQueues* second = nullptr;  // the broker of transports of type postgres, where a case has one

 private:
  [[nodiscard]] bool Fails(std::int64_t one_in) const {
    if (on_question) on_question();
    return away || faults_.Strike(one_in);
  }

  Faults& faults_;
  const std::shared_ptr<void> alive_ = std::make_shared<bool>();
  std::vector<std::weak_ptr<std::function<void(const std::string&)>>> hints_;
};

}  // namespace asya::simulation
