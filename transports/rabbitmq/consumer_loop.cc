// The consumer's thread: connecting for ever, and one turn after another.
#include <algorithm>
#include <utility>

#include "transports/rabbitmq/consumer.h"
#include "transports/rabbitmq/topology.h"

namespace asya::transports::rabbitmq {
namespace {

constexpr std::uint16_t kConsumeChannel = 1;
constexpr int kDoublingsMax = 16;  // of the time between two tries
constexpr std::chrono::milliseconds kGoodbyeLimit{500};

void AddSocket(const Link* link, std::vector<pollfd>& sockets) {
  if (link == nullptr || link->fd() < 0) return;
  sockets.push_back(pollfd{link->fd(), static_cast<short>(link->wants_write() ? POLLIN | POLLOUT : POLLIN), 0});
}

}  // namespace

void Consumer::Work() {
  while (!MayEnd()) {
    if (Advance() && !MayEnd()) Wait();
  }
  SayGoodbye();
}

void Consumer::DrivenTurn() {
  TakeReadable();
  while (!Advance()) {
  }
  ListSockets();
  // Those of links that are being opened come and go.
  const bool stayed = std::exchange(sockets_stay_, phase_ == Phase::kReady && !renewing_);
  if (ports::Driver* const driver = driver_; driver != nullptr) {
    driver->Await(sockets_, WaitUntil(), stayed && sockets_stay_);
  }
}

bool Consumer::Advance() {
  for (const auto& letter : loop_.Take()) letter();
  if (phase_ == Phase::kAway && !stopping_ && clock_.Steady() >= try_at_) Connect();
  DriveLinks();
  if (phase_ == Phase::kOpening) WhenOpen();
  if (phase_ == Phase::kChecking && clock_.Steady() >= try_at_) CheckQueue();
  if (renewing_) WhenRenewed();
  if (phase_ == Phase::kReady) Exchange();
  if (!broken_) return true;
  Lose(*std::exchange(broken_, std::nullopt));
  return false;
}

void Consumer::Connect() {
  LinkSettings consuming{settings_.address, "asya-relay " + settings_.queue + " takes"};
  consuming.heartbeat = settings_.heartbeat;
  consuming_ = std::make_unique<Link>(consuming, clock_, [this](Arrival&& arrival) { OnArrival(std::move(arrival)); });
  phase_ = Phase::kOpening;
  Status begun = consuming_->Begin();
  if (begun.ok()) begun = ConnectPublishing();
  if (!begun.ok()) Lose(begun.error().message);
}

Status Consumer::ConnectPublishing() {
  LinkSettings publishing{settings_.address, "asya-relay " + settings_.queue + " publishes"};
  publishing.heartbeat = settings_.heartbeat;
  publishing_link_ = std::make_unique<Link>(publishing, clock_, [this](const Arrival& arrival) {
    if (pardon_channel_->Take(arrival)) return;
    const auto taken = publishing_->Take(arrival);
    if (!taken.ok() && !broken_) broken_ = taken.error().message;
  });
  publishing_ = std::make_unique<Publishing>(*publishing_link_, settings_.exchange, clock_);
  publishing_->OnUnbound([this](const std::string& reason) {
    if (!std::exchange(told_unbound_, true) && settings_.on_unbound) settings_.on_unbound(reason);
  });
  pardon_channel_ =
      std::make_unique<PardonChannel>(*publishing_link_, publishing_->calls(), settings_.queue, pardons_, clock_);
  begun_ = std::make_unique<Begun>(publishing_->calls(), settings_.queue);
  return publishing_link_->Begin();
}

// Where one queue takes nothing and one question finds no answer, what is leased need not come again. Whatever waits
// for the broker ends as refused for now and is settled anew, over a new link, for on the old one it might yet happen.
void Consumer::RenewPublishing(const std::string& reason) {
  const auto link = std::move(publishing_link_);
  const auto publishing = std::move(publishing_);
  const auto pardon_channel = std::move(pardon_channel_);
  const auto begun = std::move(begun_);
  renewing_ = true;
  if (const Status connecting = ConnectPublishing(); !connecting.ok()) {
    broken_ = connecting.error().message;
    return;
  }
  // Those who hear of it may ask again at once.
  publishing->Fail(Fail(ErrorCode::kUnavailable, reason));
}

void Consumer::WhenRenewed() {
  if (!publishing_link_->open()) return;
  renewing_ = false;
  publishing_->Open();
  pardon_channel_->Open();
}

void Consumer::DriveLinks() {
  if (phase_ == Phase::kAway) return;
  for (Link* link : {consuming_.get(), publishing_link_.get()}) {
    const Status advanced = link->Advance(std::exchange(readable_[link == consuming_.get() ? 0 : 1], false));
    if (!advanced.ok() && !broken_) broken_ = advanced.error().message;
  }
  const Status timely = publishing_->CheckDeadlines();
  if (timely.ok() || broken_) return;
  if (phase_ == Phase::kReady) {
    RenewPublishing(timely.error().message);
  } else {
    broken_ = timely.error().message;
  }
}

void Consumer::WhenOpen() {
  if (!consuming_->open() || !publishing_link_->open()) return;
  publishing_->Open();
  phase_ = Phase::kChecking;
  try_at_ = clock_.Steady();
}

void Consumer::CheckQueue() {
  try_at_ = SteadyTime::max();
  publishing_->calls().Call(DeclareQueue(settings_.queue, Existing::kPassive, {}), [this](const Result<Method>& found) {
    Checked(found.ok() ? Ok() : Status(found.error()));
  });
  const Status flushed = publishing_link_->Flush();
  if (!flushed.ok() && !broken_) broken_ = flushed.error().message;
}

void Consumer::Checked(const Status& found) {
  if (phase_ != Phase::kChecking) return;
  if (!found.ok()) {
    const bool missing = found.error().code == ErrorCode::kNotFound;
    TellConnection(false, missing ? "queue " + settings_.queue + " does not exist" : found.error().message);
    try_at_ = RetryAt();
    return;
  }
  failures_ = 0;
  phase_ = Phase::kReady;
  windows_ = std::make_unique<Windows>(settings_.held_max);
  windows_->SetCareful(is_fresh_);
  tag_base_ += last_channel_tag_;
  last_channel_tag_ = 0;
  consuming_->Send(kConsumeChannel, OpenChannel());
  pardon_channel_->Open();
  TellConnection(true, "");
}

SteadyTime Consumer::RetryAt() {
  const auto longest =
      std::min(settings_.reconnect_max, settings_.reconnect_min * (1 << std::min(failures_, kDoublingsMax)));
  ++failures_;
  const double factor = 0.5 + random_.Unit();
  return clock_.Steady() + std::chrono::duration_cast<SteadyTime::duration>(longest * factor);
}

void Consumer::Lose(const std::string& reason) {
  broken_.reset();
  LearnLimit(reason);
  lost_up_to_ = tag_base_ + last_channel_tag_;
  phase_ = Phase::kAway;
  if (windows_ != nullptr) {
    const SteadyTime now = clock_.Steady();
    for (const auto& [tag, lease] : leases_) {
      memory_.LostLease(lease.print);
      pardons_.Learn({lease.print, lease.pardoned}, now);
    }
    for (const Windows::Unacked& unacked : windows_->unacked()) {
      if (unacked.settled) memory_.LostSettled(unacked.print);
      pardons_.Grant({unacked.print, LossNumber(unacked.next_loss)}, now);
    }
    memory_.Lost(now);
  }
  renewing_ = false;
  windows_.reset();
  leases_.clear();
  deliveries_.clear();
  kept_bytes_ = 0;
  // Whoever waits for a publish hears of the loss instead.
  pardon_channel_.reset();
  begun_.reset();
  publishing_.reset();
  publishing_link_.reset();
  consuming_.reset();
  try_at_ = RetryAt();
  TellConnection(false, reason);
}

void Consumer::TellConnection(bool connected, const std::string& reason) {
  // The same trouble is told once, not at each try.
  if (!connected && told_ == reason) return;
  told_ = connected ? std::nullopt : std::optional<std::string>(reason);
  if (!stopping_) events_->OnConnection(connected, reason);
}

void Consumer::Exchange() {
  if (!deliveries_.empty()) events_->OnDeliveries(std::exchange(deliveries_, {}));
  publishing_->Pump();
  pardon_channel_->Pump();
  SendOrders(windows_->Balance(clock_.Steady()));
  for (Link* link : {consuming_.get(), publishing_link_.get()}) {
    if (!link->open()) continue;
    const Status flushed = link->Flush();
    if (!flushed.ok() && !broken_) broken_ = flushed.error().message;
  }
}

void Consumer::ListSockets() {
  sockets_.clear();
  AddSocket(consuming_.get(), sockets_);
  AddSocket(publishing_link_.get(), sockets_);
}

void Consumer::TakeReadable() {
  for (const pollfd& socket : sockets_) {
    if (socket.revents == 0) continue;
    readable_[consuming_ != nullptr && socket.fd == consuming_->fd() ? 0 : 1] = true;
  }
}

SteadyTime Consumer::WaitUntil() {
  SteadyTime until = stopping_ ? stop_by_ : SteadyTime::max();
  if (phase_ == Phase::kAway || phase_ == Phase::kChecking) until = std::min(until, try_at_);
  if (phase_ != Phase::kAway) {
    until = std::min({until, consuming_->deadline(), publishing_link_->deadline(), publishing_->deadline()});
  }
  if (phase_ == Phase::kReady) until = std::min(until, windows_->deadline());
  return until;
}

void Consumer::Wait() {
  ListSockets();
  loop_.Wait(sockets_, WaitUntil());
  TakeReadable();
}

void Consumer::BeginStop(std::chrono::milliseconds grace) {
  stopping_ = true;
  stop_by_ = clock_.Steady() + grace;
  if (phase_ != Phase::kReady) return;
  deliveries_.clear();
  windows_->Revoke();
  windows_->CancelAll();
  std::vector<ports::DeliveryTag> unsettled;
  for (const auto& [tag, lease] : leases_) {
    if (!lease.settling) unsettled.push_back(tag);
  }
  for (const ports::DeliveryTag tag : unsettled) GiveBack(tag, leases_.at(tag), false);
  // Who comes later may have to know what only this process remembers.
  pardons_.TellAll();
}

bool Consumer::MayEnd() const {
  if (!stopping_) return false;
  if (phase_ != Phase::kReady || clock_.Steady() >= stop_by_) return true;
  return leases_.empty() && publishing_->idle() && pardon_channel_->idle() && windows_->held() == 0 &&
         windows_->empty();
}

// So that the broker has taken the last acks before the connection is gone.
void Consumer::SayGoodbye() {
  if (phase_ != Phase::kReady) return;
  const SteadyTime until = clock_.Steady() + kGoodbyeLimit;
  consuming_->BeginClose();
  publishing_link_->BeginClose();
  while (clock_.Steady() < until && !(consuming_->closed() && publishing_link_->closed())) {
    std::vector<pollfd> sockets;
    for (Link* link : {consuming_.get(), publishing_link_.get()}) {
      if (link->closed()) continue;
      if (!link->Advance().ok()) return;
      AddSocket(link, sockets);
    }
    if (consuming_->closed() && publishing_link_->closed()) return;
    loop_.Wait(sockets, until);
  }
}

}  // namespace asya::transports::rabbitmq
