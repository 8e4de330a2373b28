// Administration's thread: one connection, made when somebody needs it, and the look for queues with work.
#include <algorithm>
#include <utility>

#include "transports/rabbitmq/administration.h"

namespace asya::transports::rabbitmq {
namespace {

constexpr std::uint16_t kLookChannel = 3;
constexpr std::chrono::milliseconds kReconnectPause{1000};  // of the look for work; callers are served at once

}  // namespace

void Administration::Work() {
  while (!stopping_) {
    for (const auto& letter : loop_.Take()) letter();
    if (link_ == nullptr && !waiting_.empty()) Connect();
    if (link_ != nullptr) Drive();
    if (broken_) Lose(*std::exchange(broken_, std::nullopt));
    if (ready_) RunWaiting();
    if (WantsHints() && clock_.Steady() >= poll_at_) PollForWork();
    if (ready_) publishing_->Pump();
    if (link_ != nullptr) {
      const Status flushed = link_->Flush();
      if (!flushed.ok() && !broken_) broken_ = flushed.error();
    }
    if (!stopping_ && !broken_ && (link_ != nullptr || waiting_.empty())) Wait();
  }
  for (const auto& letter : loop_.Take()) letter();
  Lose(Fail(ErrorCode::kClosed, "the connection to RabbitMQ is being closed"));
}

void Administration::Connect() {
  link_ = std::make_unique<Link>(LinkSettings{settings_.address, "asya-server"}, clock_,
                                 [this](const Arrival& arrival) { OnArrival(arrival); });
  publishing_ = std::make_unique<Publishing>(*link_, settings_.exchange, clock_);
  looks_ = std::make_unique<Calls>(*link_, kLookChannel, clock_);
  const Status begun = link_->Begin();
  if (!begun.ok()) broken_ = begun.error();
}

void Administration::OnArrival(const Arrival& arrival) {
  if (looks_->Take(arrival)) return;
  const auto taken = publishing_->Take(arrival);
  if (!taken.ok() && !broken_) broken_ = taken.error();
}

void Administration::Drive() {
  const Status advanced = link_->Advance();
  if (!advanced.ok() && !broken_) broken_ = advanced.error();
  if (!ready_ && link_->open()) {
    ready_ = true;
    publishing_->Open();
  }
  const Status timely = publishing_->CheckDeadlines();
  if (!timely.ok() && !broken_) broken_ = timely.error();
  if (clock_.Steady() >= looks_->deadline() && !broken_) {
    broken_ = Fail(ErrorCode::kTimeout, "the broker did not say in time where there is work");
  }
}

void Administration::Lose(const Error& error) {
  // What is too large is refused from now on, and not sent again.
  if (const auto limit = MessageLimitIn(error.message)) {
    message_bytes_max_ = std::min(message_bytes_max_.load(), *limit);
  }
  // Nothing is known of what was under way; a caller may try again.
  const bool refused = error.code == ErrorCode::kUnauthorized || error.code == ErrorCode::kForbidden;
  const Error told = refused ? error : Fail(ErrorCode::kUnavailable, "RabbitMQ: " + error.message);
  broken_.reset();
  ready_ = false;
  polling_ = false;
  poll_at_ = clock_.Steady() + kReconnectPause;
  if (publishing_ != nullptr) publishing_->Fail(told);
  if (looks_ != nullptr) looks_->Fail(told);
  publishing_.reset();
  looks_.reset();
  link_.reset();
  {
    const std::lock_guard lock(mutex_);
    shared_declared_ = false;
  }
  for (const Job& job : std::exchange(waiting_, {})) job(told);
}

void Administration::RunWaiting() {
  for (const Job& job : std::exchange(waiting_, {})) job(Ok());
}

bool Administration::WantsHints() {
  const std::lock_guard lock(mutex_);
  return !subscribers_.empty() && !queues_.empty();
}

void Administration::PollForWork() {
  poll_at_ = clock_.Steady() + settings_.hint_poll;
  if (link_ == nullptr) Connect();
  if (!ready_ || polling_) return;
  const std::vector<std::string> queues = NextToLookAt();
  polling_ = !queues.empty();
  for (const std::string& queue : queues) {
    const bool last = queue == queues.back();
    looks_->Call(DeclareQueue(queue, Existing::kPassive, {}), [this, queue, last](const Result<Method>& found) {
      if (last) polling_ = false;
      if (found.ok() && found->messages > 0) Tell(queue);
      if (found.ok() || found.error().code != ErrorCode::kNotFound) return;
      // Each question for what another server has removed would cost the channel.
      const std::lock_guard lock(mutex_);
      queues_.erase(queue);
    });
  }
}

// In the order of their names, after those of the look before.
std::vector<std::string> Administration::NextToLookAt() {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> queues;
  auto next = queues_.upper_bound(looked_last_);
  for (std::size_t left = std::min(settings_.looks_max, queues_.size()); left > 0; --left) {
    if (next == queues_.end()) next = queues_.begin();
    queues.push_back(*next++);
  }
  if (!queues.empty()) looked_last_ = queues.back();
  return queues;
}

void Administration::Tell(const std::string& queue) {
  const std::lock_guard lock(mutex_);
  for (const auto& subscriber : subscribers_) subscriber(queue);
}

void Administration::Wait() {
  std::vector<pollfd> sockets;
  SteadyTime until = SteadyTime::max();
  if (link_ != nullptr) {
    if (link_->fd() >= 0) {
      const int events = link_->wants_write() ? POLLIN | POLLOUT : POLLIN;
      sockets.push_back(pollfd{link_->fd(), static_cast<short>(events), 0});
    }
    until = std::min({link_->deadline(), publishing_->deadline(), looks_->deadline()});
  }
  if (WantsHints()) until = std::min(until, poll_at_);
  loop_.Wait(sockets, until);
}

}  // namespace asya::transports::rabbitmq
