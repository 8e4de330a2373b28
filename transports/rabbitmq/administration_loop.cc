// Administration's thread: one connection, made when somebody needs it, and the look for queues with work.
#include <algorithm>
#include <utility>

#include "transports/rabbitmq/administration.h"

namespace asya::transports::rabbitmq {
namespace {

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
  link_ =
      std::make_unique<Link>(LinkSettings{settings_.address, "asya-server"}, clock_, [this](const Arrival& arrival) {
        const auto taken = publishing_->Take(arrival);
        if (!taken.ok() && !broken_) broken_ = taken.error();
      });
  publishing_ = std::make_unique<Publishing>(*link_, settings_.exchange, clock_);
  const Status begun = link_->Begin();
  if (!begun.ok()) broken_ = begun.error();
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
  publishing_.reset();
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
  std::set<std::string> queues;
  {
    const std::lock_guard lock(mutex_);
    queues = queues_;
  }
  polling_ = true;
  for (const std::string& queue : queues) {
    const bool last = queue == *queues.rbegin();
    publishing_->calls().Call(DeclareQueue(queue, Existing::kPassive, {}),
                              [this, queue, last](const Result<Method>& found) {
                                if (last) polling_ = false;
                                if (found.ok() && found->messages > 0) Tell(queue);
                              });
  }
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
    until = std::min(link_->deadline(), publishing_->deadline());
  }
  if (WantsHints()) until = std::min(until, poll_at_);
  loop_.Wait(sockets, until);
}

}  // namespace asya::transports::rabbitmq
