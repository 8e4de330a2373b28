#include "cluster/kubernetes/lease.h"

#include <algorithm>
#include <utility>

namespace asya::cluster::kubernetes {
namespace {

// After a turn that was not answered. With a whole pause in its place, a holder would lose it by one late answer.
constexpr std::chrono::milliseconds kPauseAfterFailure{250};

// After which one that another held is certainly free.
constexpr std::chrono::milliseconds kMargin{10};

std::string CollectionOf(const LeaseSettings& settings) {
  return "/apis/coordination.k8s.io/v1/namespaces/" + settings.namespace_ + "/leases";
}

}  // namespace

Lease::Lease(Client& client, LeaseSettings settings, Events events, const Clock& clock, observe::Logger log,
             observe::Metrics* metrics)
    : client_(client),
      settings_(std::move(settings)),
      events_(std::move(events)),
      clock_(clock),
      log_(std::move(log)),
      turns_([this] { return Periodic::Every(Turn()); }) {
  if (metrics == nullptr) return;
  const observe::MetricLabels labels{{"lease", settings_.name}};
  leading_ = metrics->MakeGauge("asya_lease_leading", "Whether this replica holds the Lease: 1 or 0.", labels);
  transitions_ =
      metrics->MakeCounter("asya_lease_transitions_total", "Times that this replica gained or lost the Lease.", labels);
}

Lease::~Lease() { Stop(); }

void Lease::Start() { turns_.Start({}); }

void Lease::Stop() {
  turns_.Stop();
  if (!holds_) return;
  Lose("this replica ends");
  Release();
}

std::chrono::milliseconds Lease::Turn() {
  free_at_ = {};
  Renew();
  return Pause();
}

std::chrono::milliseconds Lease::Pause() const {
  if (!read_) return std::min(settings_.pause, kPauseAfterFailure);
  if (holds_) return settings_.pause;
  if (free_at_ == SteadyTime{}) return settings_.pause;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(free_at_ - clock_.Steady()) + kMargin;
  return std::clamp(left, kMargin, settings_.pause);
}

void Lease::Renew() {
  const Status fit = events_.fit();
  if (!fit.ok()) {
    read_ = true;
    if (!holds_) return;
    Lose(fit.error().message);
    return Release();
  }
  const SteadyTime asked_at = clock_.Steady();
  // Whether this replica may lead again is asked in the next turn: what it knew went with the lead.
  if (holds_ && asked_at - renewed_at_ > Patience()) return Lose("it could not be renewed in time");
  const auto held = TryHold();
  if (held.ok() && *held) {
    renewed_at_ = asked_at;
    read_ = true;
    if (std::exchange(holds_, true)) return;
    Gain();
    log_.Info("this replica leads", {{"lease", settings_.name}, {"holder", settings_.holder}});
    return events_.on_gained();
  }
  const bool was_read = std::exchange(read_, held.ok());
  if (!holds_) {
    if (!held.ok() && was_read) log_.Warning("the lease cannot be read", {{"error", held.error().message}});
    return;
  }
  if (held.ok()) return Lose("somebody else holds it");
  if (clock_.Steady() - renewed_at_ > Patience()) Lose(held.error().message);
}

Call Lease::ToIt(const std::string& method, std::optional<json::Value> body) const {
  return {method,
          CollectionOf(settings_) + "/" + settings_.name,
          std::move(body),
          "application/json",
          settings_.deadline,
          Priority::kUrgent};
}

Result<bool> Lease::TryHold() {
  auto found = client_.Send(ToIt("GET"));
  if (!found.ok() && found.error().code == ErrorCode::kNotFound) return Make();
  if (!found.ok()) return found.error();
  const json::Value* spec = found->Find("spec");
  const json::Value none = json::Object{};
  if (!IsFree(spec != nullptr && spec->IsObject() ? *spec : none)) return false;
  return Take(std::move(*found));
}

bool Lease::IsFree(const json::Value& spec) {
  const std::string holder = spec.GetString("holderIdentity").value_or("");
  if (holder.empty() || holder == settings_.holder) return true;
  const std::string now = holder + " " + spec.GetString("renewTime").value_or("");
  if (now != seen_) {
    seen_ = now;
    seen_at_ = clock_.Steady();
  }
  const std::chrono::seconds duration(spec.GetInt("leaseDurationSeconds").value_or(settings_.duration.count()));
  free_at_ = seen_at_ + duration;
  return clock_.Steady() > free_at_;
}

Result<bool> Lease::Make() {
  const json::Object lease{{"apiVersion", "coordination.k8s.io/v1"},
                           {"kind", "Lease"},
                           {"metadata", json::Object{{"name", settings_.name}}}};
  auto made =
      client_.Send({"POST", CollectionOf(settings_), lease, "application/json", settings_.deadline, Priority::kUrgent});
  if (!made.ok() && made.error().code == ErrorCode::kExists) return false;
  if (!made.ok()) return made.error();
  return Take(std::move(*made));
}

Result<bool> Lease::Take(json::Value lease) {
  const std::string now = FormatRfc3339(clock_.Now(), true);
  json::Value& spec = lease["spec"];
  if (!spec.IsObject()) spec = json::Object{};
  if (spec.GetString("holderIdentity") != settings_.holder) {
    const std::int64_t before = spec.GetInt("leaseTransitions").value_or(-1);
    spec["leaseTransitions"] = before + 1;
    spec["acquireTime"] = now;
  }
  spec["holderIdentity"] = settings_.holder;
  spec["leaseDurationSeconds"] = settings_.duration.count();
  spec["renewTime"] = now;
  // With the version that was read: who comes second is refused.
  const auto taken = client_.Send(ToIt("PUT", std::move(lease)));
  if (taken.ok()) return true;
  if (taken.error().code == ErrorCode::kConflict && !holds_) return false;
  return taken.error();
}

void Lease::Gain() {
  if (leading_) leading_->Set(1);
  if (transitions_) transitions_->Add();
}

void Lease::Lose(const std::string& why) {
  holds_ = false;
  if (leading_) leading_->Set(0);
  if (transitions_) transitions_->Add();
  log_.Info("this replica leads no longer", {{"lease", settings_.name}, {"reason", why}});
  events_.on_lost();
}

void Lease::Release() {
  auto found = client_.Send(ToIt("GET"));
  if (!found.ok()) return;
  const json::Value* spec = found->Find("spec");
  if (spec == nullptr || spec->GetString("holderIdentity") != settings_.holder) return;
  (*found)["spec"]["holderIdentity"] = "";
  const auto released = client_.Send(ToIt("PUT", std::move(*found)));
  if (!released.ok()) log_.Warning("the lease cannot be given up", {{"error", released.error().message}});
}

}  // namespace asya::cluster::kubernetes
