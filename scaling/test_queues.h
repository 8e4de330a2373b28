// What the tests of the scaler share: queues of any depth, and an actor.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "ports/queue_admin.h"
#include "ports/scaler.h"

namespace asya::scaling {

// Queues whose numbers the test sets.
class FakeQueues final : public ports::QueueAdmin {
 public:
  Status Ensure(const ports::QueueSpec&) override { return Ok(); }
  Status Remove(const std::string&, bool) override { return Ok(); }
  Result<ports::QueueStats> Stats(const std::string& name) override {
    const std::lock_guard lock(mutex_);
    ++looks_;
    if (away_) return Fail(ErrorCode::kUnavailable, "away");
    return stats_[name];
  }
  Result<std::vector<std::string>> List() override { return std::vector<std::string>{}; }
  std::shared_ptr<void> SubscribeHints(std::function<void(const std::string&)> on_work) override {
    const std::lock_guard lock(mutex_);
    on_work_ = std::move(on_work);
    return std::shared_ptr<void>(this, [](void* self) {
      auto* queues = static_cast<FakeQueues*>(self);
      const std::lock_guard guard(queues->mutex_);
      queues->on_work_ = nullptr;
    });
  }
  void Put(const std::string& name, const ports::QueueStats& stats) {
    const std::lock_guard lock(mutex_);
    stats_[name] = stats;
  }
  void Notify(const std::string& name) {
    const std::lock_guard lock(mutex_);
    if (on_work_) on_work_(name);
  }
  void SetAway(bool away) {
    const std::lock_guard lock(mutex_);
    away_ = away;
  }
  int looks() const {
    const std::lock_guard lock(mutex_);
    return looks_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, ports::QueueStats> stats_;
  std::function<void(const std::string&)> on_work_;
  bool away_ = false;
  int looks_ = 0;
};

inline ports::ScaledActor Infer() {
  ports::ScaledActor actor;
  actor.namespace_ = "default";
  actor.actor = "infer";
  actor.queue = "asya-default-infer";
  actor.deployment = ports::ResourceRef{"apps/v1", "Deployment", "default", "infer"};
  actor.policy.queue_length = 1;
  actor.policy.cooldown = std::chrono::seconds(10);
  return actor;
}

}  // namespace asya::scaling
