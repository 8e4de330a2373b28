// Relay: takes messages from its queue, has each one handled by the runtime, and settles it; all on the reactor's
// thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/observe/log.h"
#include "ports/message_queue.h"
#include "relay/admit.h"
#include "relay/callee.h"
#include "relay/cancel_feed.h"
#include "relay/credits.h"
#include "relay/forward.h"
#include "relay/handler_metrics.h"
#include "relay/job.h"
#include "relay/known_crashes.h"
#include "relay/lineup.h"
#include "relay/relay_metrics.h"
#include "relay/reporter.h"
#include "relay/settings.h"
#include "relay/span_sender.h"

namespace asya::relay {

struct RelayLimits {
  int unroutable_attempts = 8;  // with the pauses below: about 25 s
  std::chrono::milliseconds first_settle_pause{200};
  std::chrono::milliseconds longest_settle_pause{30'000};
  std::chrono::milliseconds kill_grace{1100};   // the runtime kills a cancelled worker after 1 s
  std::chrono::milliseconds kill_window{4000};  // in which other calls may die of that kill
  std::chrono::milliseconds first_call_pause{10};
  std::chrono::milliseconds longest_call_pause{500};
  std::chrono::milliseconds suspect_patience{10'000};  // how long suspects wait for a runtime that is not ready
  std::chrono::milliseconds end_patience{1000};        // how long calls wait to be told how a worker died
  // How long a busy relay waits until it looks for its own messages again, after it got another's in their place.
  std::chrono::milliseconds first_seek_pause{1000};
  std::chrono::milliseconds longest_seek_pause{30'000};
  // How long an outcome waits for its message to come again, once there is a connection for that.
  std::chrono::milliseconds orphan_life{60'000};
  std::size_t orphans = 2048;             // outcomes that wait for theirs; the oldest are forgotten
  std::size_t orphan_bytes = 64U << 20U;  // of them
  std::int64_t least_crash_limit = ports::kLeastCrashLimit;
  bool has_claim_store = false;  // in which a payload lies that is too large for a report
};

struct RelayParts {
  Reactor& reactor;
  ports::MessageQueue& queue;
  Callee& runtime;
  Reporter* reporter;               // null without a gateway
  Reporter* live;                   // for FLY; null without a gateway
  const CancelFeed* cancellations;  // null without a gateway
  SpanSender* spans;                // null without a collector
  HandlerMetrics& handler_metrics;
  RelayMetrics& metrics;
  const Clock& clock;
  Random& random;
  observe::Logger logger;
};

class Relay final : public ports::ConsumerEvents {
 public:
  // Whether it takes and handles messages; `reason` says why not.
  struct Readiness {
    bool ready = false;
    std::string reason;
    bool failed = false;  // only a change of the code ends it
  };

  Relay(const Settings& settings, const RelayLimits& limits, RelayParts parts, WallTime started_at);

  // `on_change` is called whenever readiness or load may have changed.
  void OnChange(std::function<void()> on_change) { on_change_ = std::move(on_change); }
  void RuntimeChanged(const RuntimeState& state);
  // Takes nothing more, gives back what has not started, and calls `on_idle` once nothing is left. May be called again.
  void Drain(std::function<void()> on_idle);
  // Gives back what it still holds, also what runs, as if it had never begun; nothing may follow but the end of the
  // process. What will be ended on purpose is no crash of the envelope.
  void GiveUp();
  [[nodiscard]] Readiness readiness() const;
  // Messages leased and not settled.
  [[nodiscard]] std::size_t in_flight() const { return by_tag_.size(); }
  [[nodiscard]] std::size_t running() const { return running_; }

  // What these lead to begins with Pump(), once for all that are told together.
  void OnDeliveries(std::vector<ports::Delivery> deliveries) override;
  void OnStarted(ports::DeliveryTag tag, Status status) override;
  void OnSettled(ports::DeliveryTag tag, Status status) override;
  void OnConnection(bool connected, const std::string& reason) override;
  // Begins, calls and asks for what can be.
  void Pump();

 private:
  // take.cc: messages come in and are begun.
  void Take(ports::Delivery delivery, bool uninvited);
  bool Adopt(const ports::Delivery& delivery, const model::Envelope& envelope);
  void TakeMalformed(std::unique_ptr<Job> job, const std::string& problem);
  void BeginCalls();
  void Begin(Job& job);
  // Whether it may not be called (any more); then it has ended.
  bool Refused(Job& job);
  void GrantCredits();
  void ReturnFound(Job& job);
  void GiveBack(Job& job);
  void GiveBackUnstarted(bool with_suspects);
  // call.cc: the handler is called.
  void CallBegun();
  void Call(Job& job);
  void CallFinished(JobNumber number, const Finished& finished);
  void Crashed(Job& job);
  void HeardOfWorker(const std::string& last_end);
  void NotReached(Job& job);
  void Hold(std::chrono::microseconds time);
  // conclude.cc: what a call led to.
  void Refuse(Job& job, const Refusal& refusal);
  void Replied(Job& job, CallAnswer& answer);
  void Attempted(Job& job, const HandlerError& error, const std::string& plain_reason);
  void EndWith(Job& job, const Ending& ending);
  // At the last place: `body` comes again after the longest pause between attempts.
  void StayInQueue(Job& job, std::string body);
  void Succeeded(Job& job, std::vector<model::Frame> frames);
  [[nodiscard]] Status CheckHeadroom(const Job& job, const std::vector<ports::Outgoing>& messages);
  // settle.cc: the outcome is made durable.
  void Conclude(Job& job, ports::Settlement settlement, const std::string& outcome, const std::string& message_type);
  void Settle(Job& job);
  void Settled(Job& job);
  void SettleFailed(Job& job, const Error& error);
  void Shrink(Job& job, const Error& error);
  void NeverTaken(Job& job, const Error& error);
  void PauseSettling(Job& job);
  void Park(Job& job);
  void Unpark(const Job& job);
  void ForgetOrphans();
  void Erase(JobNumber number);
  // Erases what comes again, to us or to another, and keeps what is known of its crashes.
  void LoseLease(const Job& job);
  // tell.cc: what others are told.
  void ReportProgress(const Job& job, const std::string& status, double weight);
  [[nodiscard]] std::string FinalReport(const Job& job, const Ending* own_failure);
  [[nodiscard]] Hop HopOf(const Job& job) const;
  void Changed();
  // trace.cc: the spans of a settled message.
  void Trace(const Job& job, WallTime settled_at);

  [[nodiscard]] bool CanCall() const;
  // For a call, where none can be made right now. Only suspects wait for a runtime that is not ready.
  [[nodiscard]] bool MayWait(const Job& job) const;
  // This place, now.
  const Place& Here();
  [[nodiscard]] bool IsSump() const { return settings_.actor == settings_.sump; }
  // Nothing stands behind x-sump but the gateway: without one, what cannot be handled here has nowhere to go.
  [[nodiscard]] bool IsLastPlace() const { return IsSump() && parts_.reporter == nullptr; }
  [[nodiscard]] Standing StandingOf(const model::Envelope& envelope) const;
  // The time at which calls of it end; none at the end of its route and after it.
  [[nodiscard]] std::optional<WallTime> DeadlineFor(const model::Envelope& envelope) const;
  Job* Find(ports::DeliveryTag tag);
  Job* Find(JobNumber number);
  [[nodiscard]] std::size_t unfinished() const { return lineup_.size() + beginning_ + begun_.size() + running_; }

  Settings settings_;
  Place here_;
  RelayLimits limits_;
  RelayParts parts_;
  WallTime started_at_;
  std::function<void()> on_change_;
  std::vector<std::function<void()>> on_idle_;

  std::unordered_map<JobNumber, std::unique_ptr<Job>> jobs_;
  std::unordered_map<std::uint64_t, JobNumber> by_tag_;
  std::unordered_multimap<std::string, JobNumber> orphans_;  // by Job::Key(), which doubles of a message share
  KnownCrashes known_crashes_;                               // by Job::Key()
  JobNumber next_job_ = 1;
  Lineup lineup_;
  std::deque<JobNumber> begun_;
  std::size_t beginning_ = 0;
  std::size_t running_ = 0;
  std::size_t away_ = 0;  // of those that run: calls whose message went with a lost connection
  std::size_t granted_ = 0;
  bool seeks_ = false;  // messages are asked for though all slots are busy: those of calls that run may be among them
  Credits credits_;

  RuntimeState runtime_;
  bool connected_ = false;
  bool has_connected_ = false;  // once at least
  SteadyTime connected_at_{};
  std::string connection_reason_ = "not connected to the queue yet";
  bool draining_ = false;
  bool holding_ = false;
  bool had_first_call_ = false;
  std::optional<WallTime> ready_at_;
  std::chrono::milliseconds call_pause_;
  std::chrono::milliseconds seek_pause_;
  SteadyTime killed_until_{};
  WallTime granted_at_{};
  Timer hold_timer_;
  Timer patience_timer_;
  Timer orphan_timer_;
  Timer seek_timer_;
  std::unordered_map<JobNumber, std::unique_ptr<Timer>> settle_timers_;
};

}  // namespace asya::relay
