// Calling the handler, and what a call that did not come back means.
#include <algorithm>
#include <utility>

#include "relay/admit.h"
#include "relay/relay.h"

namespace asya::relay {
namespace {

class Listening final : public CallListener {
 public:
  // The task is the job's, as the listener is.
  Listening(const std::string& task, Reporter* live, HandlerMetrics& metrics, const observe::Logger& logger)
      : task_(task), live_(live), metrics_(metrics), logger_(logger) {}
  void OnFly(std::string_view data) override {
    if (live_ != nullptr) live_->Fly(task_, data);
  }
  void OnMetric(std::string_view data) override {
    if (const Status status = metrics_.Report(data); !status.ok()) {
      logger_.Warning("a metric of the handler was refused",
                      {{"field", status.error().field}, {"reason", status.error().message}});
    }
  }

 private:
  const std::string& task_;
  Reporter* live_;
  HandlerMetrics& metrics_;
  const observe::Logger& logger_;
};

bool IsSilent(const model::Envelope& envelope) {
  const auto header = envelope.headers.find("x-asya-mesh-status");
  return header != envelope.headers.end() && header->second == json::Value("off");
}

}  // namespace

void Relay::CallBegun() {
  while (!begun_.empty() && running_ < static_cast<std::size_t>(settings_.concurrency) && CanCall()) {
    const JobNumber number = begun_.front();
    begun_.pop_front();
    if (Job* job = Find(number); job != nullptr) Call(*job);
  }
}

void Relay::Call(Job& job) {
  std::chrono::microseconds timeout = settings_.actor_timeout;
  job.called_at = parts_.clock.Now();
  if (const auto deadline = DeadlineFor(job.envelope)) {
    timeout = std::clamp(*deadline - job.called_at, std::chrono::microseconds(1000), timeout);
  }
  job.stage = Stage::kRunning;
  ++running_;
  job.shared_crash = false;
  job.last_end.clear();
  job.awaits_end = false;
  job.listener = std::make_unique<Listening>(job.envelope.id, IsSilent(job.envelope) ? nullptr : parts_.live,
                                             parts_.handler_metrics, parts_.logger);
  job.is_first = !std::exchange(had_first_call_, true);
  ReportProgress(job, "processing", 0.5);
  std::string body = job.body.empty() ? SerializeEnvelope(job.envelope) : std::exchange(job.body, {});
  parts_.runtime.Invoke(std::move(body), timeout, *job.listener,
                        [this, number = job.number](const Finished& finished) { CallFinished(number, finished); });
}

void Relay::CallFinished(JobNumber number, const Finished& finished) {
  Job& job = *Find(number);
  --running_;
  if (!job.leased) --away_;
  job.work = std::max(parts_.clock.Now() - job.called_at, std::chrono::microseconds(0));
  parts_.metrics.execution.Observe(static_cast<double>(job.work.count()) / 1e6);
  switch (finished.how) {
    case Finished::How::kUnreached:
      NotReached(job);
      break;
    case Finished::How::kLost:
      Crashed(job);
      break;
    case Finished::How::kReplied:
      lineup_.Ended(number);
      credits_.Measure(job.work);
      call_pause_ = limits_.first_call_pause;
      Replied(job, *finished.answer);
      break;
    case Finished::How::kInvalid:
      lineup_.Ended(number);
      Attempted(job, {"RuntimeProtocolError", {}, finished.detail, ""}, "RuntimeError");
      break;
    case Finished::How::kTimedOut:
      lineup_.Ended(number);
      credits_.Measure(job.work);
      // What is called now would run in the worker that is about to be killed.
      killed_until_ = parts_.clock.Steady() + limits_.kill_window;
      Hold(limits_.kill_grace);
      // As the same timeout would come from Python: rules name it so.
      Attempted(job,
                {"Timeout", {"builtins.TimeoutError", "builtins.OSError", "builtins.Exception"}, finished.detail, ""},
                "Timeout");
      break;
  }
  Pump();
}

void Relay::Hold(std::chrono::microseconds time) {
  holding_ = true;
  hold_timer_.After(time, [this] {
    holding_ = false;
    Pump();
  });
}

// The connections of a dead worker may end before its death is told, or after that.
void Relay::HeardOfWorker(const std::string& last_end) {
  for (auto& [number, job] : jobs_) {
    const bool runs = job->stage == Stage::kRunning;
    if (job->awaits_end || (runs && job->last_end.empty())) job->last_end = last_end;
    job->awaits_end = false;
  }
}

void Relay::NotReached(Job& job) {
  if (!job.leased) {
    lineup_.Ended(job.number);
    Unpark(job);
    LoseLease(job);
    return;
  }
  // Its time may be over without a call.
  if (Refused(job)) return;
  if (!MayWait(job)) {
    GiveBack(job);
    return;
  }
  job.stage = Stage::kBegun;
  begun_.push_front(job.number);
  if (!holding_) Hold(call_pause_);
  call_pause_ = std::min(call_pause_ * 2, limits_.longest_call_pause);
}

void Relay::Crashed(Job& job) {
  const bool shared = running_ > 0 || job.shared_crash;
  if (running_ > 0) {
    for (auto& [number, other] : jobs_) other->shared_crash = other->stage == Stage::kRunning;
  }
  lineup_.Ended(job.number);
  const bool our_kill = parts_.clock.Steady() < killed_until_;
  parts_.metrics.runtime_errors.Add(parts_.metrics.queue, "RuntimeCrash");
  parts_.logger.Warning("the worker died in the middle of a call",
                        {{"id", job.envelope.id}, {"shared", shared}, {"after_timeout", our_kill}});
  if (!our_kill) {
    job.suspect = true;
    if (!shared) ++job.crashes;
  }
  if (!job.leased) {
    Unpark(job);
    LoseLease(job);
    return;
  }
  if (!our_kill) {
    // Only of a worker that was ready is there more to be told. A call in the next one would make two of its deaths.
    job.awaits_end = job.last_end.empty() && runtime_.kind == RuntimeState::Kind::kReady && runtime_.tells_ends;
    if (job.awaits_end) Hold(limits_.end_patience);
  }
  job.stage = Stage::kWaiting;
  if (MayWait(job)) {
    lineup_.Add(job.number, job.suspect);
  } else {
    GiveBack(job);
  }
}

}  // namespace asya::relay
