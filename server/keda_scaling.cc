#include "server/keda_scaling.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "ports/credentials.h"
#include "reconcilers/resolve.h"
#include "scaling/own_step.h"
#include "scaling/scaler.h"

namespace asya::server {
namespace {

// Where nobody tells of messages that others publish, an actor at zero is looked at this often.
constexpr std::chrono::milliseconds kZeroPoll{500};
constexpr std::chrono::milliseconds kZeroPollLeast{100};  // among few
// Where brokers hint, they do so for as long as something waits.
constexpr std::chrono::milliseconds kHintGap{250};
constexpr std::chrono::milliseconds kRestPoll{5000};
// Of what each question costs money, or is limited by the minute.
constexpr std::chrono::milliseconds kCostlyPoll{5000};
// Between two tries to connect with what may have been put right: credentials of a Transport.
constexpr std::chrono::seconds kConnectAgainAfter{30};

// Of these one thread tells what waits in any queue, by looks at many together.
bool TellsOfAnybody(const json::Value& transport) {
  const std::string type = ports::TransportType(transport);
  return type == "rabbitmq" || type == "postgres";
}

scaling::ScalerSettings LoopSettings(const json::Value& transport) {
  scaling::ScalerSettings settings;
  settings.hint_gap = kHintGap;
  settings.zero_poll = TellsOfAnybody(transport) ? kRestPoll : kZeroPoll;
  settings.zero_poll_least = kZeroPollLeast;
  settings.idle_poll = kRestPoll;
  settings.another_acts = true;
  settings.replicas_tell_work = false;  // those of short work say nothing, and some cannot
  return settings;
}

compositions::Settings Light(compositions::Settings settings) {
  settings.runtime_base64.clear();  // what is composed here is read and thrown away
  return settings;
}

// The queues of one transport, as the scaler asks for them.
class TransportQueues final : public ports::QueueAdmin {
 public:
  TransportQueues(QueueDirectory& directory, const Clock& clock) : directory_(directory), clock_(clock) {}

  // As it is now.
  void Use(const json::Value& transport) {
    const std::lock_guard lock(mutex_);
    if (transport_.Find("spec") != nullptr && *transport_.Find("spec") == *transport.Find("spec")) return;
    transport_ = transport;
    admin_ = nullptr;
    connected_at_.reset();
    known_.clear();
    costly_ = ports::TransportType(transport) == "sqs";
  }

  // One loop asks.
  Result<ports::QueueStats> Stats(const std::string& name) override {
    std::unique_lock lock(mutex_);
    const SteadyTime now = clock_.Steady();
    if (const auto known = known_.find(name); known != known_.end() && now - known->second.at < kCostlyPoll) {
      return known->second.stats;
    }
    // Also where all is well: with another Secret the directory has another connection, and drops the former one.
    if (!connected_at_ || now - *connected_at_ > kConnectAgainAfter) {
      admin_ = directory_.For(transport_);
      connected_at_ = now;
    }
    if (admin_ == nullptr) return Fail(ErrorCode::kInvalid, "the transport is of a type that is not served here");
    // A broker that hangs must not hold up who tells of another transport.
    const std::shared_ptr<ports::QueueAdmin> asked = admin_;
    lock.unlock();
    auto stats = asked->Stats(name);
    lock.lock();
    if (asked != admin_) return stats;
    if (stats.ok() && costly_) {
      std::erase_if(known_, [now](const auto& old) { return now - old.second.at >= kCostlyPoll; });
      known_[name] = {now, *stats};
    }
    return stats;
  }

  // Its loop asks for nothing but numbers.
  Status Ensure(const ports::QueueSpec& /*spec*/) override { return NotAsked(); }
  Status Remove(const std::string& /*name*/, bool /*force*/) override { return NotAsked(); }
  Result<std::vector<std::string>> List() override { return NotAsked().error(); }
  // Hints come from the directory, for all transports.
  std::shared_ptr<void> SubscribeHints(std::function<void(const std::string&)> /*on_work*/) override { return nullptr; }

 private:
  struct Known {
    SteadyTime at;
    ports::QueueStats stats;
  };
  static Status NotAsked() { return Fail(ErrorCode::kInternal, "a scaler only counts"); }

  QueueDirectory& directory_;
  const Clock& clock_;
  std::mutex mutex_;
  json::Value transport_;
  std::shared_ptr<ports::QueueAdmin> admin_;
  std::optional<SteadyTime> connected_at_;
  bool costly_ = false;
  std::map<std::string, Known> known_;  // of costly ones, by queue
};

// Where counts are read, and set as far as they are ours to set.
class ServedCluster final : public ports::Cluster {
 public:
  using ReplicasOf = std::function<Result<std::vector<ports::Replica>>(const ports::ResourceRef&)>;
  using Set = std::function<Status(const ports::ResourceRef&, std::int64_t)>;
  ServedCluster(ReplicasOf replicas, Set set) : replicas_(std::move(replicas)), set_(std::move(set)) {}

  Status Scale(const ports::ResourceRef& workload, std::int64_t replicas) override { return set_(workload, replicas); }
  Result<std::vector<ports::Replica>> Replicas(const ports::ResourceRef& workload) override {
    return replicas_(workload);
  }
  Result<ports::Applied> Apply(const json::Value& /*object*/, const std::string& /*manager*/) override {
    return NotAsked().error();
  }
  Status Delete(const ports::ResourceRef& /*ref*/, const std::string& /*uid*/) override { return NotAsked(); }
  Result<std::vector<ports::Observed>> Observe(const std::string& /*uid*/) override { return NotAsked().error(); }
  std::shared_ptr<void> Subscribe(std::function<void(const std::string&)> /*on_change*/) override { return nullptr; }

 private:
  static Status NotAsked() { return Fail(ErrorCode::kInternal, "a scaler only counts"); }
  const ReplicasOf replicas_;
  const Set set_;
};

}  // namespace

class KedaScaling::Loop {
 public:
  Loop(KedaScaling& owner, const json::Value& transport)
      : queues_(owner.parts_.queues, owner.parts_.clock),
        cluster_(owner.parts_.replicas,
                 [&owner](const ports::ResourceRef& workload, std::int64_t replicas) {
                   return owner.ScaleIfOurs(workload, replicas);
                 }),
        scaler_({queues_, cluster_, owner.parts_.clock, &owner.parts_.metrics,
                 [&owner](const scaling::Seen& seen) { owner.external_.Look(seen); }},
                LoopSettings(transport)) {
    scaler_.Start();
  }
  void Set(const ports::ScaledActor& actor, const json::Value& transport) {
    queues_.Use(transport);
    scaler_.Set(actor);
  }
  void Hint(const std::string& queue) { scaler_.Hint(queue); }
  void Remove(const scaling::ActorKey& key) { scaler_.Remove(key.first, key.second); }
  [[nodiscard]] const scaling::ReplicaScaler& scaler() const { return scaler_; }
  void Stop() { scaler_.Stop(); }

 private:
  TransportQueues queues_;
  ServedCluster cluster_;
  scaling::ReplicaScaler scaler_;
};

KedaScaling::KedaScaling(ScalerOptions options, compositions::Settings composer, const Parts& parts)
    : options_(std::move(options)),
      parts_(parts),
      composer_(Light(std::move(composer))),
      external_(parts_.clock, parts_.metrics, parts_.trusted),
      actors_({parts_.objects, composer_, parts_.clock, parts_.logger, parts_.metrics,
               [this](const ports::ScaledActor& actor, const json::Value& transport) { Set(actor, transport); },
               [this](const std::string& namespace_, const std::string& actor) { Remove(namespace_, actor); },
               [this] { external_.Complete(); }}) {}

KedaScaling::~KedaScaling() { Stop(); }

Status KedaScaling::Start() {
  actors_.Start();
  hints_ = parts_.queues.SubscribeHints([this](const std::string& queue) { Hint(queue); });
  const std::lock_guard lock(serving_mutex_);
  scaling::KedaListen listen{options_.address, options_.port, std::nullopt};
  if (options_.tls) listen.tls = identity_;
  if (options_.tls && !identity_) return Fail(ErrorCode::kUnavailable, "there is no certificate to serve KEDA with");
  ASYA_TRY(server_, scaling::KedaServer::Start(listen, external_, parts_.metrics, parts_.logger));
  return Ok();
}

void KedaScaling::UseIdentity(const http::TlsIdentity& identity) {
  const std::lock_guard lock(serving_mutex_);
  const bool same = identity_ && identity_->certificate_pem == identity.certificate_pem;
  identity_ = scaling::KedaIdentity{identity.certificate_pem, identity.key_pem};
  if (same || !options_.tls || server_ == nullptr) return;
  const Status replaced = server_->ReplaceTls(*identity_);
  if (!replaced.ok())
    parts_.logger.Error("KEDA is served with the old certificate", {{"error", replaced.error().message}});
}

void KedaScaling::Hint(const std::string& queue) {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, loop] : loops_) loop->Hint(queue);
}

void KedaScaling::Stop() {
  hints_.reset();
  actors_.Stop();
  {
    const std::lock_guard lock(serving_mutex_);
    server_.reset();
  }
  std::map<std::string, std::shared_ptr<Loop>> ending;
  {
    const std::lock_guard lock(mutex_);
    homes_.clear();
    ending.swap(loops_);
  }
  for (const auto& [name, loop] : ending) loop->Stop();
}

void KedaScaling::Set(const ports::ScaledActor& actor, const json::Value& transport) {
  const scaling::ActorKey key{actor.namespace_, actor.actor};
  external_.Add(key);
  std::shared_ptr<Loop> before;
  std::shared_ptr<Loop> home;
  {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<Loop>& loop = loops_[reconcilers::NameOf(transport)];
    if (loop == nullptr) loop = std::make_shared<Loop>(*this, transport);
    home = loop;
    before = std::exchange(homes_[key], loop);
  }
  if (before != nullptr && before != home) Leave(before, key);
  home->Set(actor, transport);
}

void KedaScaling::Remove(const std::string& namespace_, const std::string& actor) {
  const scaling::ActorKey key{namespace_, actor};
  std::shared_ptr<Loop> home;
  {
    const std::lock_guard lock(mutex_);
    const auto found = homes_.find(key);
    if (found == homes_.end()) return;
    home = std::move(found->second);
    homes_.erase(found);
  }
  Leave(home, key);
  external_.Remove(key);
}

void KedaScaling::Leave(const std::shared_ptr<Loop>& home, const scaling::ActorKey& key) {
  home->Remove(key);
  {
    const std::lock_guard lock(mutex_);
    if (std::ranges::any_of(homes_, [&home](const auto& entry) { return entry.second == home; })) return;
    std::erase_if(loops_, [&home](const auto& entry) { return entry.second == home; });
  }
  // It would hold the connection of a Transport that may be gone.
  home->Stop();
}

std::vector<ports::Decision> KedaScaling::Last(const std::string& namespace_, const std::string& actor,
                                               std::int64_t limit) const {
  std::shared_ptr<Loop> home;
  {
    const std::lock_guard lock(mutex_);
    const auto found = homes_.find({namespace_, actor});
    if (found != homes_.end()) home = found->second;
  }
  if (home == nullptr) return {};
  return home->scaler().Last(namespace_, actor, limit);
}

std::vector<scaling::ReplicaScaler::Count> KedaScaling::Counts(std::size_t limit) const {
  std::vector<scaling::ReplicaScaler::Count> counts;
  const std::lock_guard lock(mutex_);
  for (const auto& [name, loop] : loops_)
    std::ranges::move(loop->scaler().Counts(limit - counts.size()), std::back_inserter(counts));
  return counts;
}

// What could not be written is tried at the next look; the value that KEDA is told must not wait for it.
Status KedaScaling::ScaleIfOurs(const ports::ResourceRef& workload, std::int64_t desired) {
  if (!parts_.leads() || !parts_.trusted().ok()) return Ok();
  const auto replicas = parts_.replicas(workload);
  if (!replicas.ok()) return Ok();
  std::int64_t present = 0;
  for (const ports::Replica& replica : *replicas) present += replica.draining ? 0 : 1;
  if (!scaling::IsOwnStep(desired, present)) return Ok();
  const Status scaled = parts_.scale(workload, desired);
  if (!scaled.ok()) {
    parts_.logger.Warning(
        "a count could not be set",
        {{"namespace", workload.namespace_}, {"workload", workload.name}, {"error", scaled.error().message}});
  }
  return Ok();
}

}  // namespace asya::server
