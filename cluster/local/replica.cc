#include "cluster/local/replica.h"

#include <csignal>

namespace asya::cluster::local {
namespace {

constexpr const char* kNotifyName = "/notify.sock";

std::string LogFolder(const LocalSettings& settings, const ports::ResourceRef& deployment) {
  return settings.log_dir + "/" + deployment.namespace_ + "/" + deployment.name;
}

void Merge(std::map<std::string, std::string>& into, const std::map<std::string, std::string>& from) {
  for (const auto& [name, value] : from) into[name] = value;
}

}  // namespace

Result<std::unique_ptr<Replica>> Replica::Start(const Deps& deps, const ports::ResourceRef& deployment,
                                                const std::string& id, const PodPlan& plan, Events events) {
  PodPlan filled = plan;
  ASYA_TRY(auto relay_values, ReadReferences(plan.relay_references, deps.settings.values));
  ASYA_TRY(auto runtime_values, ReadReferences(plan.runtime_references, deps.settings.values));
  filled.relay_environment.merge(relay_values);
  filled.runtime_environment.merge(runtime_values);
  ASYA_TRY(auto folder, PodFolder::Create(deps.settings.run_dir, id));
  ASYA_TRY(auto notify, NotifySocket::Bind(folder.path() + kNotifyName));
  RemoveOldLogs(LogFolder(deps.settings, deployment), deps.settings.logs);
  std::unique_ptr<Replica> replica(
      new Replica(deps, deployment, id, std::move(filled), std::move(folder), std::move(notify), std::move(events)));
  replica->MakeContainers();
  return replica;
}

Replica::Replica(const Deps& deps, const ports::ResourceRef& deployment, const std::string& id, PodPlan plan,
                 PodFolder folder, NotifySocket notify, Events events)
    : deps_(deps),
      name_(deployment.name + "-" + id),
      plan_(std::move(plan)),
      folder_(std::move(folder)),
      notify_(std::move(notify)),
      log_(LogFolder(deps.settings, deployment), name_, deps.settings.logs, deps.clock),
      events_(std::move(events)),
      started_at_(deps.clock.Now()) {}

Replica::~Replica() {
  deps_.loop.Cancel(grace_);
  deps_.loop.Cancel(runtime_end_);
  deps_.loop.Unwatch(notify_.fd());
}

void Replica::MakeContainers() {
  deps_.loop.Watch(notify_.fd(), [this] { OnNotification(); });
  if (plan_.has_runtime) {
    runtime_ =
        std::make_unique<Container>(deps_.loop, deps_.clock, log_, kRuntimeContainer, RuntimeProgram(),
                                    Container::Events{[this] { folder_.Record(kRuntimeContainer, runtime_->mark()); },
                                                      [this] { OnRuntimeEnded(); }});
  }
  relay_ = std::make_unique<Container>(
      deps_.loop, deps_.clock, log_, kRelayContainer, RelayProgram(),
      Container::Events{[this] { folder_.Record(kRelayContainer, relay_->mark()); }, [this] { OnRelayEnded(); }});
  // The runtime takes longer to be ready.
  if (runtime_) runtime_->Start();
  relay_->Start();
}

ProgramStart Replica::RelayProgram() const {
  ProgramStart program;
  program.arguments = {deps_.settings.relay_path};
  program.environment = deps_.settings.environment;
  Merge(program.environment, deps_.settings.relay_environment);
  Merge(program.environment, Localize(plan_.relay_environment, folder_.path(), name_));
  program.environment["ASYA_SOCKET_DIR"] = folder_.path();
  program.environment["ASYA_METRICS_ADDR"] = "unix:" + folder_.path() + "/metrics.sock";
  program.environment["NOTIFY_SOCKET"] = folder_.path() + kNotifyName;
  // Without the server it can settle nothing.
  program.parent_death_signal = SIGKILL;
  return program;
}

ProgramStart Replica::RuntimeProgram() const {
  ProgramStart program =
      local::RuntimeProgram(plan_, deps_.settings, Localize(plan_.runtime_environment, folder_.path(), name_));
  program.environment["ASYA_SOCKET_DIR"] = folder_.path();
  return program;
}

void Replica::OnNotification() {
  const bool was_ready = ready_;
  const bool had_failed = failed_;
  const std::string old_status = status_;
  const std::int64_t old_in_flight = in_flight_;
  while (const auto notification = notify_.Receive()) {
    if (notification->status) status_ = *notification->status;
    if (notification->in_flight) in_flight_ = *notification->in_flight;
    if (notification->ready) ready_ = *notification->ready;
    if (notification->failed) failed_ = *notification->failed;
  }
  if (ready_ && !was_ready) {
    if (!ready_at_) ready_at_ = deps_.clock.Now();
    relay_->ForgetTrouble();
    if (runtime_) runtime_->ForgetTrouble();
  }
  const bool other = ready_ != was_ready || failed_ != had_failed || status_ != old_status;
  if (other || in_flight_ != old_in_flight) events_.on_change(!other);
}

void Replica::OnRelayEnded() {
  ready_ = false;
  failed_ = false;
  in_flight_ = 0;
  status_.clear();
  if (draining_) {
    EndRuntime();
    FinishIfGone();
  }
  events_.on_change(false);
}

void Replica::OnRuntimeEnded() {
  FinishIfGone();
  events_.on_change(false);
}

void Replica::Drain() {
  if (draining_) return;
  draining_ = true;
  relay_->Forbid();
  if (relay_->Running()) {
    relay_->Signal(SIGTERM);
    grace_ = deps_.loop.After(plan_.grace, [this] { relay_->KillGroup(); });
  } else {
    EndRuntime();
  }
  FinishIfGone();
  events_.on_change(false);
}

void Replica::GiveUp() {
  if (draining_) relay_->Signal(SIGTERM);
}

void Replica::EndRuntime() {
  if (!runtime_) return;
  runtime_->Forbid();
  if (!runtime_->Running() || runtime_end_ != 0) return;
  runtime_->Signal(SIGTERM);
  runtime_end_ = deps_.loop.After(kRuntimeEndTime, [this] { runtime_->KillGroup(); });
}

void Replica::FinishIfGone() {
  if (gone_ || !draining_ || relay_->Running() || (runtime_ && runtime_->Running())) return;
  gone_ = true;
  events_.on_gone();
}

void Replica::Reload() {
  if (runtime_) runtime_->Signal(SIGHUP);
}

bool Replica::Failing() const {
  if (ready_ || draining_) return false;
  return failed_ || !relay_->trouble().empty() || (runtime_ && !runtime_->trouble().empty());
}

ports::Replica Replica::View() const {
  ports::Replica view;
  view.name = name_;
  view.ready = ready_ && !draining_;
  view.draining = draining_;
  view.in_flight = in_flight_;
  view.restarts = relay_->restarts() + (runtime_ ? runtime_->restarts() : 0);
  view.started_at = started_at_;
  view.ready_at = ready_at_;
  if (draining_) {
    view.message = "finishes its work and leaves";
  } else if (!ready_) {
    view.message = runtime_ && !runtime_->trouble().empty() ? runtime_->trouble() : relay_->trouble();
    if (view.message.empty()) view.message = status_.empty() ? "is starting" : status_;
  }
  return view;
}

}  // namespace asya::cluster::local
