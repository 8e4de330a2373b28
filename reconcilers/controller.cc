#include "reconcilers/controller.h"

namespace asya::reconcilers {
namespace {

// A conflict says only that somebody else wrote meanwhile; it is no news.
bool IsExpected(ErrorCode code) { return code == ErrorCode::kConflict; }

}  // namespace

Controller::Controller(std::string name, const Deps& deps, Reconcile reconcile)
    : name_(std::move(name)),
      log_(deps.log.For("reconcilers")),
      reconcile_(std::move(reconcile)),
      clock_(deps.clock),
      metrics_(deps.metrics == nullptr ? WorkQueueMetrics() : WorkQueueMetrics(*deps.metrics, name_)),
      queue_(deps.clock, deps.random, {}, metrics_) {}

Controller::~Controller() { Stop(); }

void Controller::Start(std::size_t workers) {
  for (std::size_t i = 0; i < workers; ++i) {
    workers_.emplace_back([this] {
      while (const auto key = queue_.Take()) Run(*key);
    });
  }
}

void Controller::Stop() {
  queue_.Stop();
  for (auto& worker : workers_) worker.join();
  workers_.clear();
}

bool Controller::RunOne() {
  const auto key = queue_.TryTake();
  if (!key) return false;
  Run(*key);
  return true;
}

void Controller::Run(const Key& key) {
  const SteadyTime begun = clock_.Steady();
  const Outcome outcome = reconcile_(key);
  metrics_.Worked(std::chrono::duration<double>(clock_.Steady() - begun).count(), outcome.index());
  if (const auto* failed = std::get_if<Failed>(&outcome)) {
    queue_.Retry(key);
    if (!IsExpected(failed->error.code)) {
      log_.Warning("reconcile failed", {{"controller", name_},
                                        {"namespace", key.namespace_},
                                        {"name", key.name},
                                        {"error_code", ErrorCodeName(failed->error.code)},
                                        {"error", failed->error.message}});
    }
  } else {
    queue_.Forget(key);
    if (const auto* later = std::get_if<RequeueAfter>(&outcome)) queue_.AddAfter(key, later->delay);
  }
  queue_.Done(key);
}

}  // namespace asya::reconcilers
