// What others are told: progress, the ends of tasks, readiness.
#include <utility>

#include "core/base/sha256.h"
#include "model/claim.h"
#include "relay/claimed_queue.h"
#include "relay/fit.h"
#include "relay/relay.h"

namespace asya::relay {
namespace {

double Milliseconds(std::chrono::microseconds time) { return static_cast<double>(time.count()) / 1e3; }

bool HasHeader(const model::Envelope& envelope, const char* name) {
  return envelope.headers.find(name) != envelope.headers.end();
}

// A larger payload is named by its place in the claim store, from which the letter can be replayed. Where there is
// none, it is all that is left of the payload, and no larger than a message.
model::Envelope Tellable(const model::Envelope& whole, bool has_claim_store) {
  model::Envelope envelope = whole;
  if (has_claim_store && whole.payload.size() > kReportedPayloadBytes) {
    SetClaim(envelope, Sha256Hex(whole.payload), whole.payload.size());
  }
  return envelope;
}

std::string DeadLetter(const model::Envelope& failed, const std::string& of_namespace) {
  const json::Value& error = failed.status.error;
  std::string out = R"({"type":"dead-letter","task":)" + json::Quote(failed.id);
  if (!failed.parent_id.empty()) out += R"(,"parent":)" + json::Quote(failed.parent_id);
  out += R"(,"namespace":)" + json::Quote(of_namespace) + R"(,"actor":)" + json::Quote(failed.status.actor) +
         R"(,"reason":)" + json::Quote(failed.status.reason);
  if (!error.IsNull()) out += R"(,"error":)" + json::Dump(error);
  constexpr std::string_view kRawOpening = R"({"raw_base64":)";
  const bool is_raw = failed.id.rfind("raw-", 0) == 0 && failed.payload.rfind(kRawOpening, 0) == 0;
  if (is_raw) {
    out += R"(,"raw_base64":)" + failed.payload.substr(kRawOpening.size());  // ends in the brace of the payload
    return out;
  }
  return out + R"(,"envelope":)" + SerializeEnvelope(AsItFailed(failed)) + "}";
}

}  // namespace

Hop Relay::HopOf(const Job& job) const {
  Hop hop;
  hop.attempt = AttemptHere(job.envelope, here_);
  hop.queue_wait_ms = std::max(0.0, Milliseconds(job.received_at - job.enqueued_at));
  hop.work_ms = Milliseconds(job.work);
  if (job.is_first && ready_at_) hop.cold_start_ms = std::max(0.0, Milliseconds(*ready_at_ - started_at_));
  return hop;
}

void Relay::ReportProgress(const Job& job, const std::string& status, double weight) {
  if (parts_.reporter == nullptr || settings_.is_end_actor) return;
  const auto silent = job.envelope.headers.find("x-asya-mesh-status");
  if (silent != job.envelope.headers.end() && silent->second == json::Value("off")) return;
  const model::Route& route = job.envelope.route;
  StatusReport report;
  report.task = job.envelope.id;
  report.parent = job.envelope.parent_id;
  report.status = status;
  report.actor = settings_.actor;
  report.progress = (static_cast<double>(route.prev.size()) + weight) /
                    static_cast<double>(route.prev.size() + 1 + route.next.size());
  report.hop = HopOf(job);
  parts_.reporter->Progress(std::move(report));
}

std::string Relay::FinalReport(const Job& job, const Ending* own_failure) {
  const model::Envelope& envelope = job.envelope;
  const bool had_failed = envelope.status.phase == "failed";
  if (IsSump()) {
    if (!had_failed && own_failure == nullptr) return "";
    model::Envelope failed = Tellable(envelope, limits_.has_claim_store);
    if (!had_failed) {
      failed.status.phase = "failed";
      failed.status.reason = own_failure->reason;
      failed.status.error = own_failure->error;
      failed.status.actor = settings_.actor;
    }
    return DeadLetter(failed, settings_.namespace_);
  }
  // Hooks end here once more after the task has; a slice of an open fan-in is no result.
  if (PassedSink(envelope, Here())) return "";
  if (HasHeader(envelope, "x-asya-fan-in") && !had_failed && own_failure == nullptr) return "";
  StatusReport report;
  report.task = envelope.id;
  report.parent = envelope.parent_id;
  report.actor = settings_.actor;
  report.progress = 1.0;
  report.hop = HopOf(job);
  report.reason = envelope.status.reason;
  if (own_failure == nullptr || had_failed) report.ended_at = envelope.status.actor;
  if (had_failed || own_failure != nullptr) {
    const json::Value& error = had_failed ? envelope.status.error : own_failure->error;
    report.status = "failed";
    if (!had_failed) report.reason = own_failure->reason;
    if (!error.IsNull()) report.error = json::Dump(error);
  } else if (envelope.status.phase == "canceled") {
    report.status = "canceled";
  } else {
    report.status = "succeeded";
    report.result =
        envelope.payload.size() > kReportedPayloadBytes ? DroppedPayload(envelope.payload) : envelope.payload;
  }
  return ToJson(report, settings_.namespace_);
}

void Relay::Changed() {
  parts_.metrics.active.Set(static_cast<double>(in_flight()));
  parts_.metrics.in_flight.Set(static_cast<double>(running_));
  if (on_change_) on_change_();
  if (!draining_ || on_idle_.empty() || in_flight() > 0) return;
  const auto callbacks = std::exchange(on_idle_, {});
  for (const auto& callback : callbacks) callback();
}

}  // namespace asya::relay
