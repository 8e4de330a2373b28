// Administration's thread: callers' calls, and the look for queues with work.
#include <algorithm>
#include <utility>

#include "transports/sqs/administration.h"

namespace asya::transports::sqs {

void Administration::Work() {
  constexpr std::chrono::hours kLongest{1};
  while (!stopping_) {
    for (const auto& letter : mailbox_.Take()) letter();
    const bool looks = WantsHints();
    if (looks && looking_ == 0 && clock_.Steady() >= look_at_) Look();
    outlets_.Turn(true);
    calls_.Turn();
    if (stopping_) break;
    const SteadyTime now = clock_.Steady();
    SteadyTime until = std::min({now + kLongest, calls_.deadline(), outlets_.deadline()});
    if (looks && looking_ == 0) until = std::min(until, look_at_);
    transfers_.Turn(std::chrono::ceil<std::chrono::milliseconds>(std::max(until - now, SteadyTime::duration(0))));
  }
  {
    const std::lock_guard lock(mutex_);
    running_ = false;
  }
  // What nobody will answer any more hears of it: by the loss of its promise, or here.
  for (const auto& letter : mailbox_.Take()) letter();
  outlets_.Fail(Fail(ErrorCode::kClosed, "the connection to SQS is being closed"));
  calls_.CancelAll();
}

bool Administration::WantsHints() {
  const std::lock_guard lock(mutex_);
  return !subscribers_.empty() && !queues_.empty();
}

void Administration::Look() {
  look_at_ = clock_.Steady() + settings_.hint_poll;
  std::map<std::string, std::string> queues;
  {
    const std::lock_guard lock(mutex_);
    queues = queues_;
  }
  looking_ = queues.size();
  CallPolicy once;
  once.attempts = 1;
  for (const auto& [queue, url] : queues) {
    calls_.Begin(Action::kGetQueueAttributes, AttributesRequest(url), once,
                 [this, name = queue](const Result<std::string>& answer) { Looked(name, answer); });
  }
}

void Administration::Looked(const std::string& queue, const Result<std::string>& answer) {
  --looking_;
  if (!answer.ok()) return;
  const auto attributes = ReadTexts(*answer, "Attributes");
  if (!attributes.ok()) return;
  const auto visible = attributes->find("ApproximateNumberOfMessages");
  if (visible != attributes->end() && visible->second != "0") Hint(queue);
}

void Administration::Hint(const std::string& queue) {
  const std::lock_guard lock(mutex_);
  for (const auto& subscriber : subscribers_) subscriber(queue);
}

}  // namespace asya::transports::sqs
