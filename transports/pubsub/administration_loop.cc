// The thread of the administration: its connection, the reports that come in, and looks into unwatched queues.
#include <algorithm>
#include <utility>

#include "transports/pubsub/administration.h"
#include "transports/pubsub/marks.h"
#include "transports/pubsub/report.h"

namespace asya::transports::pubsub {
namespace {

constexpr std::chrono::milliseconds kReconnectPause{500};
constexpr std::chrono::seconds kPullLimit{60};
constexpr std::chrono::seconds kCallLimit{20};
constexpr std::chrono::seconds kPause{1};            // after a pull that failed
constexpr std::chrono::milliseconds kFarewell{500};  // for the end of our own subscription
constexpr std::size_t kLedgerPulls = 2;
constexpr std::size_t kReportsAPull = 200;
constexpr std::int64_t kLedgerRetentionS = 600;

}  // namespace

void Administration::Work() {
  while (!stopping_) {
    for (const auto& letter : loop_.Take()) letter();
    const SteadyTime now = clock_.Steady();
    if (channel_ == nullptr && (!waiting_.empty() || now >= connect_at_)) Connect();
    if (channel_ != nullptr && !broken_) Drive();
    if (broken_) Lose(*std::exchange(broken_, std::nullopt));
    if (ready_) {
      for (const Job& job : std::exchange(waiting_, {})) job(Ok());
      ReadLedger();
      if (now >= look_at_) LookIntoQueues();
      publishing_->Pump();
      const Status flushed = channel_->Flush();
      if (!flushed.ok() && !broken_) broken_ = flushed.error();
    }
    if (due_at_ && *due_at_ <= clock_.Now()) {
      Tell(depths_.TakeDue());
      due_at_ = depths_.NextDue();
    }
    if (!stopping_ && !broken_ && (channel_ != nullptr || waiting_.empty())) Wait();
  }
  if (ready_ && ledger_state_ != Ledger::kAbsent) {
    bool gone = false;
    channel_->Call(kDeleteSubscription, EncodeName(SubscriptionName(settings_.address.project, ledger_)), kCallLimit,
                   [&gone](const Result<std::string>&) { gone = true; });
    const SteadyTime until = clock_.Steady() + kFarewell;
    bool fine = channel_->Flush().ok();
    while (fine && !gone && clock_.Steady() < until) {
      std::vector<pollfd> sockets = {pollfd{channel_->fd(), POLLIN, 0}};
      loop_.Wait(sockets, until);
      static_cast<void>(loop_.Take());
      fine = channel_->Advance(true).ok();
    }
  }
  for (const auto& letter : loop_.Take()) letter();
  Lose(Fail(ErrorCode::kClosed, "the connection to Pub/Sub is being closed"));
}

void Administration::Connect() {
  const auto token = settings_.access->Token();
  if (!token.ok()) {
    broken_ = token.error();
    return;
  }
  ChannelSettings settings{.address = settings_.address, .ca_pem = settings_.ca_pem, .token = [this] {
                             auto now = settings_.access->Token();
                             return now.ok() ? *now : std::string();
                           }};
  channel_ = std::make_unique<Channel>(std::move(settings), clock_);
  publishing_ = std::make_unique<Publishing>(*channel_, settings_.address.project, clock_);
  const Status begun = channel_->Begin();
  if (!begun.ok()) broken_ = begun.error();
}

void Administration::Drive() {
  const Status advanced = channel_->Advance(std::exchange(readable_, false));
  if (!advanced.ok()) broken_ = advanced.error();
  if (channel_->leaving() && !broken_) broken_ = Fail(ErrorCode::kUnavailable, "the server closes the connection");
  if (broken_ || ready_ || !channel_->open()) return;
  ready_ = true;
  look_at_ = clock_.Steady();
  OpenLedger();
}

void Administration::Lose(const Error& error) {
  // Nothing is known of what was under way; a caller may try again.
  const bool refused = error.code == ErrorCode::kUnauthorized || error.code == ErrorCode::kForbidden;
  const Error told = refused ? error : Fail(ErrorCode::kUnavailable, "Pub/Sub: " + error.message);
  broken_.reset();
  ready_ = false;
  ledger_state_ = Ledger::kAbsent;
  connect_at_ = clock_.Steady() + kReconnectPause;
  if (channel_ != nullptr) channel_->Fail(told);
  ledger_pulls_ = 0;
  broken_.reset();
  channel_.reset();
  publishing_.reset();
  {
    const std::lock_guard lock(mutex_);
    shared_made_ = false;
  }
  for (const Job& job : std::exchange(waiting_, {})) job(told);
}

void Administration::OpenLedger() {
  ledger_state_ = Ledger::kOpening;
  const std::string topic = TopicName(settings_.address.project, kLedger);
  Subscription own;
  own.name = SubscriptionName(settings_.address.project, ledger_);
  own.topic = topic;
  own.ack_deadline_s = kAckDeadlineMinS;
  own.retention_s = kLedgerRetentionS;
  own.expires = true;
  channel_->Call(kCreateTopic, EncodeTopic(topic, {}), kCallLimit, [this, own](const Result<std::string>& made) {
    if (!made.ok() && made.error().code != ErrorCode::kExists) {
      broken_ = made.error();
      return;
    }
    channel_->Call(kCreateSubscription, EncodeSubscription(own), kCallLimit, [this](const Result<std::string>& opened) {
      if (opened.ok() || opened.error().code == ErrorCode::kExists) {
        ledger_state_ = Ledger::kOpen;
      } else {
        broken_ = opened.error();
      }
    });
  });
}

void Administration::ReadLedger() {
  if (ledger_state_ != Ledger::kOpen || clock_.Steady() < pull_at_) return;
  for (; ledger_pulls_ < kLedgerPulls; ++ledger_pulls_) {
    channel_->Call(kPull, EncodePull(SubscriptionName(settings_.address.project, ledger_), kReportsAPull, false),
                   kPullLimit, [this](const Result<std::string>& answer) {
                     --ledger_pulls_;
                     ReportsCame(answer);
                   });
  }
}

void Administration::ReportsCame(const Result<std::string>& answer) {
  if (!answer.ok()) {
    if (answer.error().code == ErrorCode::kTimeout) return;
    if (answer.error().code == ErrorCode::kNotFound) OpenLedger();
    pull_at_ = clock_.Steady() + kPause;
    return;
  }
  const auto received = DecodePull(*answer);
  if (!received.ok()) {
    broken_ = received.error();
    return;
  }
  std::vector<std::string> ack_ids;
  std::set<std::string> work;
  for (const Received& one : *received) {
    const auto report = DecodeReport(one.data);
    if (report.ok()) work.merge(depths_.Take(*report));
    ack_ids.push_back(one.ack_id);
  }
  if (ack_ids.empty()) return;
  Acknowledge(ledger_, ack_ids);
  due_at_ = depths_.NextDue();
  if (!work.empty()) Tell(work);
}

void Administration::Acknowledge(const std::string& queue, const std::vector<std::string>& ack_ids) {
  channel_->Call(kAcknowledge, EncodeAck(SubscriptionName(settings_.address.project, queue), ack_ids), kCallLimit,
                 [](const Result<std::string>&) {});
}

// Of a queue that holds something nobody told of, one message is moved to its end, uncounted, and so known.
void Administration::LookIntoQueues() {
  look_at_ = clock_.Steady() + settings_.look_pause;
  for (const std::string& queue : depths_.Unwatched()) {
    channel_->Call(kPull, EncodePull(SubscriptionName(settings_.address.project, queue), 1, true), kCallLimit,
                   [this, queue](const Result<std::string>& answer) { Looked(queue, answer); });
  }
}

void Administration::Looked(const std::string& queue, const Result<std::string>& answer) {
  if (!answer.ok()) return;
  const auto received = DecodePull(*answer);
  if (!received.ok()) return;
  for (const Received& one : *received) {
    const Marks marks = MarksOf(one, clock_.Now());
    std::vector<Publication> copy;
    copy.push_back({queue, one.data, Marked(marks.own_id, marks.crashes, marks.visible_at)});
    const std::string ack_id = one.ack_id;
    publishing_->Send(std::move(copy), [this, queue, ack_id](const Status& sent) {
      if (!sent.ok()) return;  // it comes again when its lease ends
      Acknowledge(queue, {ack_id});
      depths_.Found(queue);
      Tell({queue});
    });
  }
}

void Administration::Tell(const std::set<std::string>& queues) {
  const std::lock_guard lock(mutex_);
  for (const auto& subscriber : subscribers_) {
    for (const std::string& queue : queues) subscriber(queue);
  }
}

void Administration::Wait() {
  std::vector<pollfd> sockets;
  SteadyTime until = SteadyTime::max();
  if (channel_ == nullptr) {
    until = connect_at_;
  } else {
    if (channel_->fd() >= 0) {
      const int events = channel_->wants_write() ? POLLIN | POLLOUT : POLLIN;
      sockets.push_back(pollfd{channel_->fd(), static_cast<short>(events), 0});
    }
    until = channel_->deadline();
    if (ready_) until = std::min(until, look_at_);
    if (ledger_state_ == Ledger::kOpen && ledger_pulls_ < kLedgerPulls) until = std::min(until, pull_at_);
  }
  if (due_at_) until = std::min(until, clock_.Steady() + std::max(*due_at_ - clock_.Now(), WallTime::duration(0)));
  loop_.Wait(sockets, until);
  readable_ = !sockets.empty() && (sockets.front().revents & (POLLIN | POLLHUP | POLLERR)) != 0;
}

}  // namespace asya::transports::pubsub
