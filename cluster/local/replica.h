// Replica: one pod on this machine: a relay and a runtime in a pod folder, started, watched and drained together.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "cluster/local/container.h"
#include "cluster/local/event_loop.h"
#include "cluster/local/log_file.h"
#include "cluster/local/notify_socket.h"
#include "cluster/local/pod_folder.h"
#include "cluster/local/pod_plan.h"
#include "cluster/local/settings.h"
#include "ports/cluster.h"

namespace asya::cluster::local {

// What the runtime gets to end after its relay has gone, and has no more work.
inline constexpr std::chrono::seconds kRuntimeEndTime{5};

// Lives on the loop's thread.
class Replica {
 public:
  struct Deps {
    EventLoop& loop;
    const Clock& clock;
    const LocalSettings& settings;
  };
  struct Events {
    std::function<void(bool only_in_flight)> on_change;
    std::function<void()> on_gone;  // both programs have ended after Drain; destroy it later, not within the call
  };
  // Reads what the plan takes from Secrets and ConfigMaps, makes the pod folder and starts both programs at once. `id`
  // is unique on this machine and short.
  static Result<std::unique_ptr<Replica>> Start(const Deps& deps, const ports::ResourceRef& deployment,
                                                const std::string& id, const PodPlan& plan, Events events);
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;
  // Kills what still runs.
  ~Replica();

  // Tells the relay to finish; then the runtime to end. What still runs when the grace period is over is killed.
  // Idempotent.
  void Drain();
  // While it drains: gives back what it runs, and ends.
  void GiveUp();
  // The handler code changed: the runtime loads it anew.
  void Reload();
  [[nodiscard]] ports::Replica View() const;
  // Not ready, and not by waiting: a program crashed, or the handler does not load.
  [[nodiscard]] bool Failing() const;
  [[nodiscard]] const PodPlan& plan() const { return plan_; }

 private:
  Replica(const Deps& deps, const ports::ResourceRef& deployment, const std::string& id, PodPlan plan, PodFolder folder,
          NotifySocket notify, Events events);
  void MakeContainers();
  ProgramStart RelayProgram() const;
  ProgramStart RuntimeProgram() const;
  void OnNotification();
  void OnRelayEnded();
  void OnRuntimeEnded();
  void EndRuntime();
  void FinishIfGone();

  const Deps deps_;
  const std::string name_;
  const PodPlan plan_;
  PodFolder folder_;
  NotifySocket notify_;
  LogFile log_;
  const Events events_;
  std::unique_ptr<Container> relay_;
  std::unique_ptr<Container> runtime_;  // null where the relay works alone
  bool ready_ = false;
  bool failed_ = false;
  bool draining_ = false;
  bool gone_ = false;
  std::int64_t in_flight_ = 0;
  std::string status_;
  WallTime started_at_;
  std::optional<WallTime> ready_at_;
  EventLoop::TimerId grace_ = 0;
  EventLoop::TimerId runtime_end_ = 0;
};

}  // namespace asya::cluster::local
